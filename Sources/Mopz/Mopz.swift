// The loader product: containers, adapters as values, tensors and the bytes below them.

@_exported public import MopzAdapters
@_exported public import MopzBytes
@_exported public import MopzContainer
@_exported public import MopzTensors
