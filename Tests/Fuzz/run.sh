#!/bin/sh
# Fuzzes each parser for some seconds, beginning with the fixtures.
#   sh Tests/Fuzz/run.sh [SECONDS [TARGET…]]
#   FUZZ_RUNS=10000000 sh Tests/Fuzz/run.sh 0 FuzzJSON     so many executions, however long
# What fails is left in .build/fuzz/failures; reduce it, and add it to fixtures/fuzz/TARGET, which
# the tests replay. Logs and the grown corpus stay in .build/fuzz, too.
set -eu
seconds=${1:-60}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- FuzzJSON FuzzSafetensors FuzzShardIndex FuzzPEFTConfig FuzzModulePattern \
  FuzzTokens FuzzArchives FuzzContainer FuzzSealedContainer
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$root/.build/fuzz
# Testable: internal parsers are fuzzed without the files around them. The compiler heeds the last
# -sanitize alone, and the order of the two options is not fixed: so both stand in one as well.
swift build --package-path "$root/Tests/Fuzz" --scratch-path "$work/build" -c release \
  --sanitize=fuzzer --sanitize=address -Xswiftc -sanitize=fuzzer,address -Xswiftc -enable-testing
mkdir -p "$work/failures" "$work/logs"

# A container without the zeros of its header, as FuzzSealedContainer takes it.
deflate() {
  for page in "1 32" "4097 112" "8193 112"; do
    tail -c "+${page% *}" "$1" | head -c "${page#* }"
  done
  tail -c +12289 "$1"
}

for target; do
  limit=4096
  case $target in
    FuzzJSON) names='*.json' dictionary=json ;;
    FuzzSafetensors) names='*.safetensors' dictionary=safetensors ;;
    FuzzShardIndex) names='*.index.json' dictionary=index ;;
    FuzzPEFTConfig) names='adapter_config.json' dictionary=peft ;;
    FuzzModulePattern) names='' dictionary=pattern limit=256 ;;
    FuzzTokens) names='tokens*.json *.npy' dictionary=numpy limit=512 ;;
    FuzzArchives) names='*.zip *.tar *.tar.gz *.tar.zst' dictionary=archive ;;
    FuzzContainer) names='*.mopz' dictionary=container limit=24000 ;;
    FuzzSealedContainer) names='*.mopz' dictionary=container limit=12000 ;;
    *) echo "unknown target $target" >&2; exit 64 ;;
  esac
  corpus=$work/corpus/$target
  mkdir -p "$corpus"
  set -f
  for name in $names; do
    # Named by their content: many fixtures have one name.
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
  echo "$target: ${FUZZ_RUNS:-$seconds seconds}${FUZZ_RUNS:+ executions}"
  # shellcheck disable=SC2086
  ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=8 "$work/build/release/$target" \
    ${FUZZ_RUNS:+-runs=$FUZZ_RUNS} -max_total_time="$seconds" -rss_limit_mb=2048 \
    -malloc_limit_mb=256 -timeout=20 -max_len=$limit -use_value_profile=0 -print_final_stats=1 \
    -dict="$root/Tests/Fuzz/Dictionaries/$dictionary.dict" -verbosity="${FUZZ_VERBOSITY:-0}" \
    -artifact_prefix="$work/failures/$target-" "$corpus" 2>&1 | tee "$work/logs/$target.log"
done
