//! What the system says of a process. Linux only, from /proc.

use std::fs;

/// Its memory and its file descriptors at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// Resident, in kilobytes.
    pub(super) memory: u64,
    pub(super) descriptors: usize,
}

pub(super) fn usage(process: u32) -> Option<Usage> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
    Some(Usage {
        memory: resident(&status)?,
        descriptors,
    })
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_memory_is_found() {
        let status = "Name:\tx\nVmSize:\t  9 kB\nVmRSS:\t   123 kB\n";
        assert_eq!(resident(status), Some(123));
        assert_eq!(resident("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_has_memory_and_descriptors() {
        let usage = usage(std::process::id()).expect("there is /proc");
        assert!(usage.memory > 0 && usage.descriptors > 0, "{usage:?}");
    }
}
