//! What is asked of the system that the process runs on.

/// Has the allocator of glibc keep a few MiB that are freed for the next request; otherwise it
/// returns them to the system above 128 KiB, and asks for them again a moment later. It raises that
/// bound with the largest block that was freed; this one is never written to, and so takes no room.
pub(super) fn keep_freed_memory() {
    const HINT: usize = 2 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(HINT)));
}

/// Allows as many open files as the system lets the process have: each connection is one, and
/// shells and service managers start programs with few. Answers how many it has then, if there is a
/// limit.
#[cfg(unix)]
pub fn raise_open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Where it may not, fewer connections are let in.
        _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    getrlimit(Resource::Nofile).current
}

/// The same where there is no such limit.
#[cfg(not(unix))]
pub fn raise_open_files() -> Option<u64> {
    None
}
