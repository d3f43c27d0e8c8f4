//! Calls the library and returns its code; nothing else.

fn main() {}
