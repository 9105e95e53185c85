import MopzBytes
import MopzContainer

/// What opens gives each task or refuses it, and verification comes to a verdict.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Bytes([UInt8](UnsafeBufferPointer(start: start, count: count)))
  do throws(ContainerError) {
    let container = try Container(bytes: bytes)
    for name in try container.taskNames() { check(name, in: container) }
  } catch { precondition(!error.description.isEmpty) }
  do throws(ContainerError) { _ = try ContainerVerification(of: bytes) } catch {
    precondition(!error.description.isEmpty)
  }
  return 0
}

private func check(_ name: String, in container: Container) {
  do throws(ContainerError) { _ = try container.task(named: name).adapter() } catch {
    precondition(!error.description.isEmpty)
  }
}
