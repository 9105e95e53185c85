import MopzBytes
import MopzTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct CancellationTests {
  @Test("a request stops the next check, and only under its own flag")
  func request() throws {
    try Cancellation.withIsolatedFlag {
      try Cancellation.check()
      Cancellation.request()
      #expect(Cancellation.isRequested)
      #expect(throws: Interrupted()) { try Cancellation.check() }
    }
    try Cancellation.check()
  }

  @Test(
    "a signal sets the flag, and work that looks at it leaves no output",
    arguments: [
      SIGINT, SIGTERM, SIGHUP,
    ])
  func signal(number: Int32) async {
    await #expect(processExitsWith: .success) { [number] in
      Cancellation.installSignalHandlers()
      let folder = try TemporaryFolder()
      do {
        var output = try AtomicFile(creating: folder("out"), force: false)
        try output.file.append([1])
        kill(getpid(), number)
        for _ in 0..<2000 {
          try Cancellation.check()
          usleep(5000)
        }
        preconditionFailure("no check noticed the signal")
      } catch is Interrupted {}
      #expect(try folder.names().isEmpty)
    }
  }

  @Test("a second signal ends the process at once")
  func secondSignal() async {
    await #expect(processExitsWith: .signal(SIGINT)) {
      Cancellation.installSignalHandlers()
      kill(getpid(), SIGINT)
      while !Cancellation.isRequested { usleep(1000) }
      kill(getpid(), SIGINT)
      sleep(20)
    }
  }

  @Test("a signal that is ignored at the start stays ignored, as nohup wants it")
  func ignoredSignal() async {
    await #expect(processExitsWith: .success) {
      ignoreHangup()
      Cancellation.installSignalHandlers()
      kill(getpid(), SIGHUP)
      usleep(20_000)
      #expect(!Cancellation.isRequested)
    }
  }
}

private func ignoreHangup() { _ = signal(SIGHUP, SIG_IGN) }
