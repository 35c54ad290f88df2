"""Run under the restrictions of vocd.service: tries what must not work, and what must, and says what
came of each as JSON: "ok", a value, or the name of the error."""
import ctypes
import errno
import json
import mmap
import os
import resource
import socket
import time

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x00020000


def called(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "")


def write(path):
    with open(path, "w") as f:
        f.write("probe")
    os.unlink(path)


def execute(path):
    pid = os.posix_spawn(path, [path], {})
    os.waitpid(pid, 0)


def set_bits(path, mode):
    open(path, "w").close()
    try:
        os.chmod(path, mode)
    finally:
        os.unlink(path)


def other_processes():
    return sorted(int(n) for n in os.listdir("/proc") if n.isdigit() and int(n) != os.getpid())


def open_socket(family, kind=socket.SOCK_DGRAM):
    socket.socket(family, kind).close()


def machine_code():
    with mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC):
        pass


ATTEMPTS = {
    "write the configuration": lambda: write("/etc/vocd/probe"),
    "write a program": lambda: write("/usr/bin/probe"),
    "write elsewhere": lambda: write("/srv/probe"),
    "write the state": lambda: write("/var/lib/vocd/probe"),
    "what is in /home": lambda: os.listdir("/home"),
    "read /root": lambda: os.listdir("/root"),
    "what is in /tmp": lambda: os.listdir("/tmp"),
    "devices": lambda: sorted(set(os.listdir("/dev")) & {"mem", "kmsg", "sda", "vda", "tty0", "kvm"}),
    "other processes": other_processes,
    "kernel settings": lambda: os.listdir("/proc/sys"),
    "read shadow": lambda: open("/etc/shadow").close(),
    "run a shell": lambda: execute("/bin/sh"),
    "a set-user-id file": lambda: set_bits("/var/lib/vocd/probe", 0o4755),
    "become root": lambda: os.setuid(0),
    "a user namespace": lambda: called(libc.unshare(CLONE_NEWUSER)),
    "a mount namespace": lambda: called(libc.unshare(CLONE_NEWNS)),
    "mount": lambda: called(libc.mount(b"none", b"/var/lib/vocd", b"tmpfs", 0, None)),
    "trace": lambda: called(libc.ptrace(0, 0, 0, 0)),
    "set the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
    "set the host name": lambda: socket.sethostname("probe"),
    "netlink": lambda: open_socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "raw packets": lambda: open_socket(socket.AF_PACKET, socket.SOCK_RAW),
    "inet": lambda: open_socket(socket.AF_INET),
    "inet6": lambda: open_socket(socket.AF_INET6),
    "unix": lambda: open_socket(socket.AF_UNIX),
    "machine code": machine_code,
    "core size": lambda: resource.getrlimit(resource.RLIMIT_CORE),
    "files": lambda: resource.getrlimit(resource.RLIMIT_NOFILE),
    "umask": lambda: oct(os.umask(0o077)),
}


def outcome(attempt):
    try:
        value = attempt()
        return "ok" if value is None else value
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))


print("PROBE " + json.dumps({name: outcome(attempt) for name, attempt in ATTEMPTS.items()}))
