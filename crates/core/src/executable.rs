//! Finds programs as the system does: by the `PATH`, and on Windows by the extensions of `PATHEXT`.
//!
//! Windows itself adds `.exe` alone to a name, so that scripts such as `npm.cmd` would not be found; shells read `PATHEXT`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What Windows has where `PATHEXT` is not set.
const DEFAULT_EXTENSIONS: &str = ".COM;.EXE;.BAT;.CMD";

/// Returns the path of a program: of one in the `PATH`, or, if `program` is a path itself, of that file.
pub(crate) fn find(program: &Path) -> Option<PathBuf> {
    let extensions = extensions();
    let is_there = |path: PathBuf| candidates(&path, extensions.as_deref()).into_iter().find(|path| path.is_file());
    if is_path(program) {
        return is_there(program.to_owned());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        // An empty entry is the current folder, where Windows would run what somebody has put there.
        .filter(|folder| cfg!(unix) || !folder.as_os_str().is_empty())
        .find_map(|folder| is_there(folder.join(program)))
}

/// Returns what to start for a program: on Windows the file that `find` finds; elsewhere its name, since the system also looks at
/// whether a file can be executed.
pub fn to_start(program: &OsStr) -> PathBuf {
    let found = if cfg!(windows) { find(Path::new(program)) } else { None };
    found.unwrap_or_else(|| PathBuf::from(program))
}

/// As [`to_start`], for a program that a configuration or an option names. One that another user can change is refused; what a name
/// finds in the `PATH` is the choice of the person who set that.
///
/// # Errors
///
/// `PermissionDenied` with the reason.
#[cfg(feature = "command")]
pub(crate) fn trusted(program: &OsStr) -> std::io::Result<PathBuf> {
    let found = to_start(program);
    if is_path(&found) {
        crate::input::require_trusted_program(&found)?;
    }
    Ok(found)
}

/// Whether a program is a path, not a name to look for in the `PATH`: `./idp`, and on Windows `.\idp` and `C:idp` too.
pub(crate) fn is_path(program: &Path) -> bool {
    let text = program.as_os_str().to_string_lossy();
    text.contains(std::path::is_separator) || program.components().count() > 1
}

/// The extensions that make a file a program, where the system has such.
fn extensions() -> Option<String> {
    cfg!(windows).then(|| std::env::var("PATHEXT").unwrap_or_else(|_| DEFAULT_EXTENSIONS.to_owned()))
}

/// The files that a program can be. A name without one of the extensions is not a program: next to `npm.cmd` there is an `npm` for
/// other shells.
fn candidates(path: &Path, extensions: Option<&str>) -> Vec<PathBuf> {
    let Some(extensions) = extensions else { return vec![path.to_owned()] };
    let extensions = || extensions.split(';').map(|extension| extension.trim_start_matches('.'));
    let given = path.extension().unwrap_or_default();
    let mut candidates = Vec::new();
    if extensions().any(|extension| !extension.is_empty() && given.eq_ignore_ascii_case(extension)) {
        candidates.push(path.to_owned());
    }
    for extension in extensions().filter(|extension| !extension.is_empty()) {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(extension.to_ascii_lowercase());
        candidates.push(name.into());
    }
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gets_the_extensions_of_programs() {
        let names = |name: &str| -> Vec<String> {
            let paths = candidates(Path::new(name), Some(".EXE;;.CMD"));
            paths.iter().map(|path| path.display().to_string()).collect()
        };
        assert_eq!(names("npm"), ["npm.exe", "npm.cmd"]);
        assert_eq!(names("npm.Cmd"), ["npm.Cmd", "npm.Cmd.exe", "npm.Cmd.cmd"]);
        assert_eq!(names("python3.13"), ["python3.13.exe", "python3.13.cmd"]);
        assert_eq!(candidates(Path::new("npm"), None), [Path::new("npm")]);
    }

    #[test]
    fn a_path_is_told_from_a_name() {
        for path in ["./idp", "a/idp", "/idp"] {
            assert!(is_path(Path::new(path)), "{path}");
        }
        assert!(!is_path(Path::new("idp")) && !is_path(Path::new("idp.exe")));
        for path in [r".\idp.exe", r"C:\idp", "C:idp.exe"] {
            assert_eq!(is_path(Path::new(path)), cfg!(windows), "{path}");
        }
    }
}
