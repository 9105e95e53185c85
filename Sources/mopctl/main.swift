import MopctlCommands

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

exit(Mopctl.main(arguments: Array(CommandLine.arguments.dropFirst())))
