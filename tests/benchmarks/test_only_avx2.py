import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import only_avx2

SOURCE = """
int asked(void) {
  int a = 0;
  __asm__ volatile("movl $0xa20f, %%ecx; cpuid" : "+a"(a) : : "ebx", "ecx", "edx");
  return a;
}
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="CPUID is an instruction of x86-64")
def test_cpuid_is_told_from_a_number_that_looks_like_it(tmp_path):
    if missing := [tool for tool in only_avx2.TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"{' and '.join(missing)} missing, which hide instruction sets")
    library, code = tmp_path / "asked.so", tmp_path / "asked.c"
    code.write_text(SOURCE)
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, code], check=True)
    data = library.read_bytes()
    number = data.index(only_avx2.CPUID)

    (place,) = only_avx2.cpuid_places(library)

    assert data.count(only_avx2.CPUID) == 2
    assert place == data.index(only_avx2.CPUID, number + 1)
