// Bytes against error of fitted sharing and of the published baselines.
//
//   sharing-bench compare [--type f32|bf16|int8] [--errors 0.3,0.1,0.05] SOURCE…
//   sharing-bench means   [--type …] [--errors …] SOURCE…
//   sharing-bench family  [--tasks 24] [--own 0.1] [--type …] [--errors …]
//   sharing-bench growth  [--tasks 10,100,1000]
//
// SOURCE is whatever `mopctl convert` takes.

import MopzToolkit

let arguments = BenchArguments(CommandLine.arguments.dropFirst())
switch arguments.command {
case "compare": try Comparison(arguments).run(on: arguments.adapters())
case "means": try Ablation(arguments).run(on: arguments.adapters())
case "family":
  let family = SyntheticFamily(tasks: arguments.tasks[0], own: arguments.own)
  try Comparison(arguments).run(on: family.adapters())
case "growth": try Growth(arguments).run()
default: print("usage: sharing-bench compare|means|family|growth [options] [SOURCE…]")
}
