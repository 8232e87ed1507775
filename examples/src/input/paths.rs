//! Which files an input names: itself, the files of a folder, or those that a pattern fits; always in
//! natural order (`part-2` before `part-10`), so that the rows of a data set have the same numbers
//! however its files were listed.

use std::cmp::Ordering;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::file::same;
use crate::failure::{Failure, Result};

/// The files that `inputs` name, in natural order; of a folder those of one of the `kinds` (extensions).
///
/// # Errors
/// [`Failure::Data`] for what is not there or holds no such file; [`Failure::Usage`] for a file that is
/// named twice.
pub fn files(inputs: &[PathBuf], kinds: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for input in inputs {
        if input.is_dir() {
            files.extend(in_folder(input, kinds)?);
        } else if fs::symlink_metadata(input).is_err() && pattern(input) {
            let found = fitting(input)?;
            if found.is_empty() {
                return Err(Failure::data(input, "fits no file"));
            }
            files.extend(found);
        } else {
            files.push(input.clone());
        }
    }
    files.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
    if let Some(pair) = files.windows(2).find(|pair| pair[0] == pair[1] || same(&pair[0], &pair[1])) {
        return Err(Failure::usage(format!("{} is named twice", pair[1].display())));
    }
    Ok(files)
}

/// The folder of a pattern, up to its first part that is one; None for what is no pattern.
pub fn fixed(input: &Path) -> Option<PathBuf> {
    if fs::symlink_metadata(input).is_ok() || !pattern(input) {
        return None;
    }
    let parts = input.components();
    Some(parts.take_while(|part| !pattern(Path::new(part.as_os_str()))).collect())
}

/// The files that a pattern fits; what is none, as it is.
pub fn expanded(input: &Path) -> Vec<PathBuf> {
    match fixed(input) {
        Some(_) => fitting(input).unwrap_or_default(),
        None => vec![input.to_path_buf()],
    }
}

/// The extension of a file in lower case.
pub fn kind(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

fn in_folder(folder: &Path, kinds: &[&str]) -> Result<Vec<PathBuf>> {
    let files = entries(folder)?.into_iter().map(|name| folder.join(name));
    let files: Vec<PathBuf> =
        files.filter(|path| kinds.contains(&kind(path).as_str()) && path.is_file()).collect();
    let mut found: Vec<String> = files.iter().map(|path| kind(path)).collect();
    found.sort_unstable();
    found.dedup();
    match found.len() {
        0 => {
            let kinds: Vec<String> = kinds.iter().map(|kind| format!(".{kind}")).collect();
            let inner = entries(folder)?.into_iter().any(|name| folder.join(name).is_dir());
            let hint = match inner {
                true => {
                    format!("; '{}/*/*' in quotes names the files of the folders in it", folder.display())
                }
                false => String::new(),
            };
            Err(Failure::data(
                folder,
                format!("is a folder without a file of a known kind ({}){hint}", kinds.join(", ")),
            ))
        }
        1 => Ok(files),
        _ => Err(Failure::data(
            folder,
            format!(
                "holds files of several kinds (.{}); name those of one, as {}/*.{}",
                found.join(", ."),
                folder.display(),
                found[0]
            ),
        )),
    }
}

/// Names in a folder that are not hidden.
fn entries(folder: &Path) -> Result<Vec<String>> {
    let read = |e: std::io::Error| Failure::io(folder, "read", &e);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        // A name that is no text fits no pattern and no known extension.
        if let Ok(name) = entry.map_err(read)?.file_name().into_string()
            && !name.starts_with('.')
        {
            names.push(name);
        }
    }
    Ok(names)
}

fn pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// The files that a pattern fits, part by part of the path.
fn fitting(path: &Path) -> Result<Vec<PathBuf>> {
    let mut places = vec![PathBuf::new()];
    for part in path.components() {
        let text = part.as_os_str().to_string_lossy().into_owned();
        if !matches!(part, Component::Normal(_)) || !text.contains(['*', '?', '[']) {
            places.iter_mut().for_each(|place| place.push(part));
            continue;
        }
        let mut next = Vec::new();
        for place in places {
            let folder = if place.as_os_str().is_empty() { Path::new(".") } else { &place };
            if folder.is_dir() {
                let names = entries(folder)?.into_iter().filter(|name| fits(&text, name));
                next.extend(names.map(|name| place.join(name)));
            }
        }
        places = next;
    }
    places.retain(|place| place.is_file());
    Ok(places)
}

/// Whether a name fits a pattern of `*` (any text), `?` (a character) and `[a-z]` (one of these).
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // The last star, and how much of the name it takes so far: a mismatch makes it take one more.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(_) if one(&pattern[p..], name[n]).is_some() => {
                p += one(&pattern[p..], name[n]).unwrap_or(1);
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Characters of the pattern that fit this one character, if they do.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', rest @ ..] if rest.iter().skip(1).any(|c| *c == ']') => {
            let end = 1 + rest.iter().skip(1).position(|c| *c == ']')?;
            let (not, set) = match &rest[..end] {
                ['!' | '^', set @ ..] if !set.is_empty() => (true, set),
                set => (false, set),
            };
            let mut inside = false;
            let mut at = 0;
            while at < set.len() {
                if let [low, '-', high, ..] = set[at..] {
                    inside |= (low..=high).contains(&c);
                    at += 3;
                } else {
                    inside |= set[at] == c;
                    at += 1;
                }
            }
            (inside != not).then_some(end + 2)
        }
        [own, ..] if *own == c => Some(1),
        _ => None,
    }
}

/// Order of names in which runs of digits count as numbers; equal ones by their bytes.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a.as_bytes(), b.as_bytes());
    while let (Some(c), Some(d)) = (x.first(), y.first()) {
        if c.is_ascii_digit() && d.is_ascii_digit() {
            let number = |bytes: &[u8]| bytes.iter().take_while(|b| b.is_ascii_digit()).count();
            let (m, n) = (number(x), number(y));
            let strip = |bytes: &[u8], n: usize| {
                let zeros = bytes[..n].iter().take_while(|b| **b == b'0').count();
                bytes[zeros..n].to_vec()
            };
            let (v, w) = (strip(x, m), strip(y, n));
            let order = v.len().cmp(&w.len()).then_with(|| v.cmp(&w));
            if order != Ordering::Equal {
                return order;
            }
            (x, y) = (&x[m..], &y[n..]);
        } else if c == d {
            (x, y) = (&x[1..], &y[1..]);
        } else {
            return c.cmp(d);
        }
    }
    x.len().cmp(&y.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natural_order_counts() {
        let mut names = vec!["p-10", "p-2", "p-02", "q", "p-2b", "p-1", "p-99999999999999999999", "p-"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["p-", "p-1", "p-02", "p-2", "p-2b", "p-10", "p-99999999999999999999", "q"]);
    }

    #[test]
    fn patterns_fit_as_in_a_shell() {
        let fit = [
            ("*", "a"),
            ("*.npy", "a.b.npy"),
            ("p-??.x", "p-10.x"),
            ("[a-c]*[!0]", "b12"),
            ("a*b*c", "axbxbxc"),
            ("[]]", "]"),
        ];
        for (pattern, name) in fit {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("*.npy", "a.npz"), ("?", ""), ("[a-c]", "d"), ("a*b", "axc"), ("[!0]", "0"), ("a", "ab")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
        // A pattern that many stars make slow elsewhere.
        assert!(!fits(&"*a".repeat(30), &"a".repeat(200).replace("aa", "ab")[..40]));
    }

    #[test]
    fn folders_and_patterns_become_files() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        std::fs::create_dir(place("d")).unwrap();
        for name in ["d/p-10.npy", "d/p-9.npy", "d/.p-1.npy", "d/README.md", "one.npy"] {
            std::fs::write(place(name), "x").unwrap();
        }
        let names = |inputs: &[PathBuf]| files(inputs, &["npy", "parquet"]);
        let expected = [place("d/p-9.npy"), place("d/p-10.npy")];
        assert_eq!(names(&[place("d")]).unwrap(), expected);
        assert_eq!(names(&[place("*/p-*.npy")]).unwrap(), expected);
        assert_eq!(names(&[place("d/p-10.npy"), place("d/p-9.npy")]).unwrap(), expected);
        assert_eq!(names(&[place("absent")]).unwrap(), [place("absent")], "the reader says what is wrong");
        let refused = |inputs: &[PathBuf], part: &str| {
            let text = names(inputs).unwrap_err().to_string();
            assert!(text.contains(part), "{text}");
        };
        refused(&[place("one.npy"), place("one.npy")], "named twice");
        refused(&[place("d"), place("d/*.npy")], "named twice");
        refused(&[place("x*")], "fits no file");
        std::fs::write(place("d/p.parquet"), "x").unwrap();
        refused(&[place("d")], "several kinds (.npy, .parquet)");
    }
}
