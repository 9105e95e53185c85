#!/bin/sh
# All figures of the README, in the order in which it quotes them.
#
# usage: run.sh [DIRECTORY]      needs about 17 GB there; default .build/benchmarks
# The comparison with PEFT runs where PEFT_PYTHON names a Python that has torch,
# transformers and peft; the generator needs numpy. Compression is measured on the real
# adapters of the directory that ADAPTERS names, if it does.
set -eu
cd "$(dirname "$0")/.."
directory=${1:-.build/benchmarks}
python=${PEFT_PYTHON:-python3}
mopctl=$PWD/.build/release/mopctl
measure="python3 Benchmarks/measure.py"
mkdir -p "$directory"

swift build -c release --product mopctl
swift build -c release --package-path Benchmarks
bench=Benchmarks/.build/release/container-bench

[ -f "$directory/base/model.safetensors" ] || "$python" Benchmarks/make_model.py "$directory"
cat "$directory"/base/* "$directory"/adapter/* >/dev/null

echo "== merge: 1.1 B parameters in bf16, rank 16 on all linears, against cp -r, both with sync"
$measure --runs 5 --remove "$directory/out" \
  "cp -r=cp -r $directory/base $directory/out" \
  "mopctl merge=$mopctl merge -q --base $directory/base --adapter $directory/adapter -o $directory/out"

echo "== verify the finished merge"
"$mopctl" merge -q --force --base "$directory/base" --adapter "$directory/adapter" -o "$directory/merged"
$measure --runs 1 \
  "mopctl verify=$mopctl verify -q --merged $directory/merged --base $directory/base --adapter $directory/adapter"

if "$python" -c 'import torch, transformers, peft' 2>/dev/null; then
  echo "== merge: PEFT's load, merge, save"
  $measure --runs 1 --remove "$directory/out" \
    "mopctl merge=$mopctl merge -q --base $directory/base --adapter $directory/adapter -o $directory/out" \
    "peft=$python Benchmarks/peft_merge.py $directory/base $directory/adapter $directory/out 2>/dev/null"
fi

echo "== convert: 20 adapters of 50 MB against cp -r, both with sync"
mkdir -p "$directory/many"
for number in 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20; do
  [ -f "$directory/many/$number/adapter_model.safetensors" ] || "$python" - "$directory" "$number" <<'PY'
import shutil, sys
directory, number = sys.argv[1:]
source, target = f"{directory}/adapter", f"{directory}/many/{number}"
shutil.copytree(source, target, dirs_exist_ok=True)
path = f"{target}/adapter_model.safetensors"
data = bytearray(open(path, "rb").read())
start = 8 + int.from_bytes(data[:8], "little")
for offset in range(start, len(data), 4096):  # every block differs from the other copies'
    data[offset] ^= int(number)
open(path, "wb").write(data)
PY
done
cat "$directory"/many/*/* >/dev/null
$measure --runs 5 --remove "$directory/many.copy" --remove "$directory/many.mopz" \
  "cp -r=cp -r $directory/many $directory/many.copy" \
  "mopctl convert=$mopctl convert -q $directory/many -o $directory/many.mopz"

echo "== convert --share exact: families of dense adapters that were made from pools"
"$python" Benchmarks/exact_sharing.py "$mopctl" "$directory/sharing"

echo "== hash check of a container against raw XXH3-128 of the same bytes"
"$mopctl" convert -q --force "$directory/many" -o "$directory/many.mopz"
"$bench" hash "$directory/many.mopz"

if [ -n "${ADAPTERS:-}" ]; then
  echo "== lossless compression of real adapters, as shares of their tensors' bytes"
  "$python" Benchmarks/compression.py "$mopctl" "$ADAPTERS" "$directory/compression"
  for group in f32 f32-rounded-to-bf16; do
    echo "-- $group: speed of the codec in memory, and of zstd on the raw container"
    "$bench" codec "$directory/compression/$group-raw.mopz"
    zstd -q -b1 "$directory/compression/$group-raw.mopz"
  done
fi

echo "== open, look up and borrow 300 tensors: among 10 tasks, among 10,000"
"$bench" generate "$directory/10.mopz" 10
"$bench" generate "$directory/10000.mopz" 10000
"$bench" lookup "$directory/10.mopz" "$directory/10000.mopz"

echo "== add one task, synced, to 10 and to 10,000; list them"
"$bench" append "$directory/10.mopz" "$directory/10000.mopz"

if "$python" -c 'import torch, transformers' 2>/dev/null; then
  [ -f "$directory/wide/base/model.safetensors" ] \
    || "$python" Benchmarks/make_model.py --type F32 "$directory/wide"
  for base in "$directory/base" "$directory/wide/base"; do
    echo "== forward pass: a prompt of 512 tokens, Float32, weights of $base"
    "$python" Benchmarks/forward.py Benchmarks/.build/release/forward-bench "$base" 512 5 2>/dev/null
  done
fi
