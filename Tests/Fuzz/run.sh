#!/bin/sh
# Fuzzes each parser for some seconds, beginning with the fixtures.
#   sh Tests/Fuzz/run.sh [SECONDS [TARGET…]]
#   FUZZ_RUNS=10000000 sh Tests/Fuzz/run.sh 0 FuzzJSON     until so many executions are in its log
# With FUZZ_BUILT=1 the programs of an earlier run are taken as they are.
# What fails is left in .build/fuzz/failures; reduce it, and add it to fixtures/fuzz/TARGET, which
# the tests replay. The grown corpus stays in .build/fuzz, and so do the logs, one for each target,
# whose executions add up over all runs, interrupted ones too.
set -eu
seconds=${1:-60}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- FuzzJSON FuzzSafetensors FuzzShardIndex FuzzPEFTConfig FuzzModulePattern \
  FuzzTokens FuzzArchives FuzzContainer FuzzSealedContainer
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$root/.build/fuzz
objects=$work/build/release
# Testable: internal parsers are fuzzed without the files around them. The compiler heeds the last
# -sanitize alone, and the order of the two options is not fixed: so both stand in one as well.
[ -n "${FUZZ_BUILT:-}" ] || swift build --package-path "$root/Tests/Fuzz" --scratch-path \
  "$work/build" -c release --sanitize=fuzzer --sanitize=address \
  -Xswiftc -sanitize=fuzzer,address -Xswiftc -enable-testing
mkdir -p "$work/failures" "$work/logs" "$work/bin"

# Links a target anew, with the objects that it needs alone: libFuzzer looks through the counters
# of everything that is linked after each execution, which is most of its time. Package.swift names
# the modules from the lowest on, and the first object that has what is wanted is taken.
link() {
  modules=$(grep -oE '"(C[A-Z]|Mopz)[A-Za-z]+"' "$root/Package.swift" | tr -d '"' | awk '!n[$0]++')
  # The build's own list: objects of files that are gone since stay in its folders.
  for module in FuzzVerdicts CSystem SystemPackage $modules; do
    grep "/$module\.build/" "$objects/$1.product/Objects.LinkFileList" | sort
  done > "$work/bin/objects"
  rm -f "$work/bin/objects.a"
  ar rcs "$work/bin/objects.a" @"$work/bin/objects"
  libraries=$(grep -oE 'pkgConfig: "[a-z]+"' "$root/Package.swift" | cut -d '"' -f 2)
  # shellcheck disable=SC2046,SC2086
  swiftc -sanitize=fuzzer,address -use-ld=lld -g -o "$work/bin/$1" "$objects/$1.build"/*.o \
    "$work/bin/objects.a" $(pkg-config --libs $libraries) -Xlinker --gc-sections
}

# A container without the zeros of its header, as FuzzSealedContainer takes it.
deflate() {
  for page in "1 32" "4097 112" "8193 112"; do
    tail -c "+${page% *}" "$1" | head -c "${page#* }"
  done
  tail -c +12289 "$1"
}

# The fixtures and the seeds, named by their content: many fixtures have one name.
seed() {
  set -f
  for name in $names; do
    find "$root/fixtures" -name "$name" -size -24k | while read -r file; do
      seed=$corpus/$(cksum < "$file" | tr ' ' -)
      [ -e "$seed" ] || case $target in
        FuzzSealedContainer) deflate "$file" > "$seed" ;;
        *) cp "$file" "$seed" ;;
      esac
    done
  done
  set +f
  for folder in "$root/Tests/Fuzz/Corpus/$target" "$root/fixtures/fuzz/$target"; do
    [ ! -d "$folder" ] || cp "$folder"/* "$corpus"
  done
}

# All executions in a target's log.
executions() {
  awk '/^stat::number_of_executed_units:/ { n += $2 } END { print n + 0 }' "$work/logs/$1.log"
}

for target; do
  # The longest input: the whole grammar of a parser fits in it.
  case $target in
    FuzzJSON) names='*.json' dictionary=json limit=512 ;;
    FuzzSafetensors) names='*.safetensors' dictionary=safetensors limit=2048 ;;
    FuzzShardIndex) names='*.index.json' dictionary=index limit=1024 ;;
    FuzzPEFTConfig) names='adapter_config.json' dictionary=peft limit=1300 ;;
    FuzzModulePattern) names='' dictionary=pattern limit=80 ;;
    FuzzTokens) names='tokens*.json *.npy' dictionary=numpy limit=512 ;;
    FuzzArchives) names='*.zip *.tar *.tar.gz *.tar.zst' dictionary=archive limit=4096 ;;
    FuzzContainer) names='*.mopz' dictionary=container limit=16384 ;;
    FuzzSealedContainer) names='*.mopz' dictionary=container limit=4096 ;;
    *) echo "unknown target $target" >&2; exit 64 ;;
  esac
  [ -n "${FUZZ_BUILT:-}" ] || link "$target"
  corpus=$work/corpus/$target
  mkdir -p "$corpus"
  seed
  log=$work/logs/$target.log
  touch "$log"
  before=$(executions "$target")
  if [ -n "${FUZZ_RUNS:-}" ] && [ "$before" -ge "$FUZZ_RUNS" ]; then continue; fi
  status=0
  # The stacks of allocations are not kept; reproduce a failure without these options. Stack frames
  # are watched while they live: nothing that is fuzzed hands out the address of one.
  checks=detect_leaks=0:detect_stack_use_after_return=0
  ASAN_OPTIONS=$checks:quarantine_size_mb=8:malloc_context_size=0 "$work/bin/$target" \
    ${FUZZ_RUNS:+-runs=$((FUZZ_RUNS - before))} -max_total_time="$seconds" -rss_limit_mb=2048 \
    -malloc_limit_mb=256 -timeout=20 -max_len=$limit -entropic_scale_per_exec_time=1 \
    -print_funcs=0 -print_final_stats=1 \
    -dict="$root/Tests/Fuzz/Dictionaries/$dictionary.dict" -verbosity="${FUZZ_VERBOSITY:-0}" \
    -artifact_prefix="$work/failures/$target-" "$corpus" >> "$log" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    tail -n 60 "$log" >&2
    exit "$status"
  fi
  after=$(executions "$target")
  echo "$target: $((after - before)) executions, $after with those of earlier runs"
done
