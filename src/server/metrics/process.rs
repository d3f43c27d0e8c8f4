//! What the system knows about this process, where it tells: Linux.

use std::fs;

use super::text::Page;

/// Clock ticks of the kernel's interface to programs, a second.
const TICKS: f64 = 100.0;

pub(super) fn write(page: &mut Page) {
    if let Some(bytes) = resident_bytes() {
        let help = "Memory that the process has in RAM.";
        page.single("process_resident_memory_bytes", "gauge", help, bytes);
    }
    if let Some((used, began)) = times() {
        let help = "Processor time used.";
        page.single("process_cpu_seconds_total", "counter", help, used);
        let help = "When the process began, in seconds since 1970.";
        page.single("process_start_time_seconds", "gauge", help, began);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        let help = "Open file descriptors.";
        page.single("process_open_fds", "gauge", help, open.count());
    }
    #[cfg(unix)]
    if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        page.single("process_max_fds", "gauge", "Most of them that are allowed.", most);
    }
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Processor time used, and when the process began, in seconds.
fn times() -> Option<(f64, f64)> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program is in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    let after_boot: f64 = fields.nth(6)?.parse().ok()?;
    let system_wide = fs::read_to_string("/proc/stat").ok()?;
    let boot = system_wide.lines().find_map(|line| line.strip_prefix("btime "))?;
    let boot: f64 = boot.trim().parse().ok()?;
    Some(((user + system) / TICKS, boot + after_boot / TICKS))
}
