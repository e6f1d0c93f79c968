#!/usr/bin/env bash
# Runs tests on an emulated 64-bit ARM processor, many times as slowly as on a real one:
#
#     tests/native/on_arm.sh FOLDER tests/native/test_every_processor.py
#
# The first call puts Debian's Python for ARM and the wheels that the tests import into FOLDER. It needs qemu-user-static
# and debootstrap, and a Python 3.11 in .venv, whose pip fetches the wheels.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mkdir -p "$1" && cd "$1" && pwd)
shift
if [ ! -d "$folder/wheels" ]; then
    debootstrap --foreign --arch=arm64 --variant=minbase --include=python3 bookworm "$folder/root"
    for package in "$folder"/root/var/cache/apt/archives/*.deb; do
        dpkg -x "$package" "$folder/root"
    done
    .venv/bin/pip download --quiet --only-binary=:all: --python-version 3.11 \
        --platform manylinux2014_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_28_aarch64 \
        --dest "$folder/wheels" numpy scipy llvmlite polars narwhals safetensors filelock click rich scikit-learn \
        pytest pytest-timeout hypothesis
    for wheel in "$folder"/wheels/*.whl; do
        python3 -m zipfile -e "$wheel" "$folder/packages"
    done
fi
export QEMU_LD_PREFIX="$folder/root" PYTHONPATH="$folder/packages:$PWD/src:$PWD" RANVIER_CACHE="$folder/cache"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
exec qemu-aarch64-static "$folder/root/usr/bin/python3.11" -m pytest -p no:cacheprovider -o timeout=3000 "$@"
