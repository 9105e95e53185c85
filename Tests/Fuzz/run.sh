#!/bin/sh
# Fuzzes each parser for some seconds, beginning with the fixtures.
#   sh Tests/Fuzz/run.sh [SECONDS [TARGET…]]
# What fails is left in .build/fuzz/failures; reduce it, and add it to the fixtures.
set -eu
seconds=${1:-60}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- FuzzJSON FuzzSafetensors FuzzArchives FuzzContainer
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$root/.build/fuzz
swift build --package-path "$root/Tests/Fuzz" --scratch-path "$work/build" -c release \
  --sanitize=fuzzer --sanitize=address
mkdir -p "$work/failures"
for target; do
  case $target in
    FuzzJSON) names='*.json' ;;
    FuzzSafetensors) names='*.safetensors *.index.json' ;;
    FuzzArchives) names='*.zip *.tar *.tar.gz *.tar.zst' ;;
    FuzzContainer) names='*.mopz' ;;
    *) echo "unknown target $target" >&2; exit 64 ;;
  esac
  corpus=$work/corpus/$target
  mkdir -p "$corpus"
  set -f
  for name in $names; do
    # Named by their content: many fixtures have one name.
    find "$root/fixtures" -name "$name" -size -40k | while read -r file; do
      cp "$file" "$corpus/$(cksum < "$file" | tr ' ' -)"
    done
  done
  set +f
  echo "$target: $seconds seconds"
  "$work/build/release/$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 \
    -max_len=40000 -artifact_prefix="$work/failures/$target-" -print_final_stats=1 \
    -verbosity=0 "$corpus"
done
