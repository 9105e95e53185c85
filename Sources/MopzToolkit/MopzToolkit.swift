// The toolkit product: the loader product, and the operations on adapters.

@_exported public import Mopz
@_exported public import MopzBinding
@_exported public import MopzConversion
@_exported public import MopzForward
@_exported public import MopzLinearAlgebra
@_exported public import MopzMerging
@_exported public import MopzSafetensors
@_exported public import MopzSharing
@_exported public import MopzVerification
