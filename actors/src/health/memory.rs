//! The memory probe: how much memory is in use, of the control group's limit where there is one (cgroup v2 or v1),
//! else of the machine. File pages that can be reclaimed at once do not count as used (as in the kubelet's working
//! set); otherwise a service that reads many files would never be ready.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::probe::{MemoryProbe, MemoryUse};

/// A probe of the memory of this process's control group, or of the machine.
#[must_use]
pub fn memory_use() -> MemoryProbe {
    Arc::new(|| measure(Path::new("/")))
}

/// The fullest of all limits that apply to this process, in the file system below `root`.
fn measure(root: &Path) -> io::Result<MemoryUse> {
    let machine = machine(root)?;
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limited = groups.lines().filter_map(Hierarchy::parse).flat_map(|hierarchy| hierarchy.limits(root));
    // A limit above the machine's memory has no effect.
    let fullest = limited.filter(|group| group.total < machine.total).max_by(|a, b| fuller(*a, *b));
    Ok(fullest.filter(|group| fuller(*group, machine).is_ge()).unwrap_or(machine))
}

fn fuller(a: MemoryUse, b: MemoryUse) -> std::cmp::Ordering {
    let scaled = |x: MemoryUse, y: MemoryUse| u128::from(x.used) * u128::from(y.total);
    scaled(a, b).cmp(&scaled(b, a))
}

fn machine(root: &Path) -> io::Result<MemoryUse> {
    let text = fs::read_to_string(root.join("proc/meminfo"))?;
    let kib = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok())
    };
    let figures = kib("MemTotal").zip(kib("MemAvailable"));
    let (total, available) = figures.ok_or_else(|| io::Error::other("/proc/meminfo cannot be read"))?;
    Ok(MemoryUse { used: total.saturating_sub(available) * 1024, total: total * 1024 })
}

/// A process's place in a hierarchy that accounts memory, and the names of the files there.
struct Hierarchy<'a> {
    group: &'a str,
    mount: &'static str,
    limit: &'static str,
    used: &'static str,
    inactive: &'static str,
}

impl<'a> Hierarchy<'a> {
    /// Parses a line of `/proc/self/cgroup`: `id:controllers:path`; version 2 has no controllers.
    fn parse(line: &'a str) -> Option<Self> {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
        if controllers.is_empty() {
            return Some(Self {
                group,
                mount: "sys/fs/cgroup",
                limit: "memory.max",
                used: "memory.current",
                inactive: "inactive_file",
            });
        }
        controllers.split(',').any(|controller| controller == "memory").then_some(Self {
            group,
            mount: "sys/fs/cgroup/memory",
            limit: "memory.limit_in_bytes",
            used: "memory.usage_in_bytes",
            inactive: "total_inactive_file",
        })
    }

    /// The limits of the group and of all its ancestors. In a container the group's path may be the host's, which
    /// is not visible there; then the root of the mount counts.
    fn limits(&self, root: &Path) -> Vec<MemoryUse> {
        let mount = root.join(self.mount);
        let group = PathBuf::from(self.group.trim_start_matches('/'));
        group.ancestors().filter_map(|group| self.limit(&mount.join(group))).collect()
    }

    fn limit(&self, folder: &Path) -> Option<MemoryUse> {
        let number = |file: &str| fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok();
        let (total, used) = (number(self.limit)?, number(self.used)?);
        let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let inactive = stat.lines().find_map(|line| line.strip_prefix(self.inactive)?.trim().parse().ok());
        Some(MemoryUse { used: used.saturating_sub(inactive.unwrap_or(0)), total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:  1000 kB\nMemFree:  1 kB\nMemAvailable:  400 kB\n";

    fn root_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn measured(files: &[(&str, &str)]) -> (u64, u64) {
        let MemoryUse { used, total } = measure(root_with(files).path()).unwrap();
        (used, total)
    }

    #[test]
    fn without_a_group_the_machine_counts() {
        assert_eq!(measured(&[("proc/meminfo", MEMINFO)]), (600 * 1024, 1000 * 1024));
    }

    #[test]
    fn a_limit_of_version_2_counts_without_inactive_file_pages() {
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/service\n"),
            ("sys/fs/cgroup/service/memory.max", "10000\n"),
            ("sys/fs/cgroup/service/memory.current", "9000\n"),
            ("sys/fs/cgroup/service/memory.stat", "anon 1\ninactive_file 2000\n"),
        ];
        assert_eq!(measured(&files), (7000, 10_000));
    }

    #[test]
    fn a_limit_of_version_1_in_a_container_is_found_at_its_root() {
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "7:blkio:/\n4:cpu,memory:/docker/abc\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "10000\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "8000\n"),
            ("sys/fs/cgroup/memory/memory.stat", "inactive_file 7\ntotal_inactive_file 1000\n"),
        ];
        assert_eq!(measured(&files), (7000, 10_000));
    }

    #[test]
    fn the_fullest_limit_among_the_ancestors_counts() {
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/outer/inner\n"),
            ("sys/fs/cgroup/outer/memory.max", "20000\n"),
            ("sys/fs/cgroup/outer/memory.current", "19000\n"),
            ("sys/fs/cgroup/outer/inner/memory.max", "10000\n"),
            ("sys/fs/cgroup/outer/inner/memory.current", "9000\n"),
        ];
        assert_eq!(measured(&files), (19_000, 20_000));
    }

    #[test]
    fn an_unlimited_group_and_a_limit_above_the_machine_do_not_count() {
        for limit in ["max\n", "9223372036854771712\n"] {
            let files = [
                ("proc/meminfo", MEMINFO),
                ("proc/self/cgroup", "0::/\n"),
                ("sys/fs/cgroup/memory.max", limit),
                ("sys/fs/cgroup/memory.current", "1\n"),
            ];
            assert_eq!(measured(&files), (600 * 1024, 1000 * 1024));
        }
    }

    #[test]
    fn this_machine_can_be_measured() {
        let MemoryUse { used, total } = memory_use()().unwrap();
        assert!(0 < used && used < total);
    }
}
