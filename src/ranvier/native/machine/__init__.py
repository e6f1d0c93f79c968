"""From LLVM IR text to something callable; this floor knows nothing of networks.

target.py   which processor code is made for          llvm.py    the only file that imports llvmlite.binding
cpu.py      facts about this machine                  cache.py   compiled objects kept on disk
memory.py   aligned arrays                            team.py    a persistent team of threads
barrier.py  a barrier inside compiled code            helper_thread.py  a thread that helps with short calls
placement.py  where threads wake up                   interrupts.py  Ctrl-C while compiled code runs
peak.py     the machine's measured limit              dump.py    IR, assembly, objects and symbols in files
clock.py    the clock that measured code reads        own_files.py  files that others cannot have written
neighbours.py  how busy other processes are           philox_words.py  random words for many keys in one call
call_for_tables.py  an entry run for many tables of arguments in one call
floating_point_mode.py  rounding and subnormal numbers while our code runs
system.py   addresses of the operating system's functions, and the symbols an object lacks

Nothing is imported here, so that asking whether llvmlite is present (`cpu.available`) does not need it.
"""
