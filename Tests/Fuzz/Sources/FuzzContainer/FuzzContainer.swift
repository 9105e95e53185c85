import FuzzVerdicts
import MopzBytes
import MopzContainer

/// What opens gives each task or refuses it, and verification comes to a verdict.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  let bytes = Bytes(copying: input.span.bytes)
  do throws(ContainerError) {
    let container = try Container(bytes: bytes)
    for name in try container.taskNames() {
      do throws(ContainerError) { _ = try container.task(named: name).adapter() } catch {
        expectWords(for: error, of: input)
      }
    }
  } catch { expectWords(for: error, of: input) }
  do throws(ContainerError) {
    _ = try ContainerVerification(of: bytes, threads: WorkerThreads(count: 1))
  } catch { expectWords(for: error, of: input) }
  return 0
}
