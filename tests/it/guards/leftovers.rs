//! Nothing unfinished, nothing of the machine that it was written on, no file that grew too long.

use super::sources;

/// Lines of code a file may have; past 400 it should become a folder.
const LONGEST: usize = 500;
/// Files that are longer, and how long they may be until they are split.
const LONGER: &[(&str, usize)] = &[("backend.rs", 700), ("api/openapi.rs", 520)];

#[test]
fn no_file_is_too_long() {
    let mut wrong = Vec::new();
    for file in sources() {
        let limit = LONGER.iter().find(|(path, _)| *path == file.path).map_or(LONGEST, |row| row.1);
        let lines = file.text.lines().count();
        if lines > limit {
            wrong.push(format!("src/{} has {lines} lines, {limit} are allowed", file.path));
        } else if lines > 400 {
            println!("src/{} has {lines} lines: think of making it a folder", file.path);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_left_to_do_and_no_path_of_a_machine_is_told() {
    let forbidden = ["todo!", "unimplemented!", "FIXME", "dbg!(", "/work/", "/root/", "/home/"];
    let mut wrong = Vec::new();
    for file in sources() {
        for (line, text) in file.text.lines().enumerate() {
            for word in forbidden.iter().filter(|word| text.contains(**word)) {
                wrong.push(format!("src/{}:{} has {word}", file.path, line + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
