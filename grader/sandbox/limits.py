"""How much a submission's processes may take."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Bounds on one sandbox. Sizes are in bytes, times in seconds."""

    processes: int = 128
    memory: int = 1024 * MIB
    cpu_s: int = 60
    output: int = 4 * MIB
    file_size: int = 64 * MIB
    descriptors: int = 512
    disk: int = 64 * MIB
    inodes: int = 4096

    def of_a_process(self) -> dict[str, int]:
        """What setrlimit(2) is given for each process: name to value."""
        return {
            "CORE": 0,
            "AS": self.memory,
            "CPU": self.cpu_s,
            "FSIZE": self.file_size,
            "NOFILE": self.descriptors,
        }

    def of_folders(self) -> dict[str, str]:
        """The writable folders, each a tmpfs, with its mount options."""
        size = f"size={self.disk},nr_inodes={self.inodes}"
        return {
            "/tmp": f"{size},mode=1777",  # noqa: S108
            "/run": f"{size},mode=755",
            "/work": f"{size},mode=755",
        }
