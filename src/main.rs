//! Calls the library and returns its code; nothing else.

fn main() -> std::process::ExitCode {
    hubctl::cli::run()
}
