//! Adds names of accounts to the text of a configuration.

use super::Config;
use crate::error::Result;
use crate::role::AccountNames;

/// What became of names that were to be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The ids of the accounts that got their names.
    pub(super) written: Vec<String>,
    /// The ids of the accounts that have other names, or whose table cannot be added to.
    pub(super) left_alone: Vec<String>,
}

/// Returns the text with these names in its table `accounts`, everything else as it was. Names that are there already stay.
pub(super) fn with_accounts(text: &str, accounts: &AccountNames) -> Result<(String, Named)> {
    let known = Config::parse(text)?.accounts;
    let mut named = Named::default();
    let mut lines = String::new();
    for (id, name) in accounts {
        match known.get(id) {
            None => {
                named.written.push(id.clone());
                lines.push_str(&format!("{id} = {}\n", toml::Value::from(name.as_str())));
            }
            Some(other) if other != name => named.left_alone.push(id.clone()),
            Some(_) => {}
        }
    }
    if named.written.is_empty() {
        return Ok((text.to_owned(), named));
    }
    let mut wanted = known;
    wanted.extend(named.written.iter().filter_map(|id| Some((id.clone(), accounts.get(id)?.clone()))));
    let before = Config::parse(text)?.profiles;
    // A line that looks like the header may be part of a text: what counts is what the whole is read as.
    let is_right =
        |text: &String| Config::parse(text).is_ok_and(|config| config.accounts == wanted && config.profiles == before);
    match candidates(text, &lines).find(is_right) {
        Some(text) => Ok((text, named)),
        None => {
            // Such as an inline table, which has no lines of its own.
            named.left_alone.append(&mut named.written);
            named.left_alone.sort_unstable();
            Ok((text.to_owned(), named))
        }
    }
}

/// How many lines are tried as the table's header.
const MAX_HEADERS: usize = 8;

/// The texts that the new lines could make: below each line that looks like the table's header, or as a table at the end.
fn candidates<'t>(text: &'t str, lines: &'t str) -> impl Iterator<Item = String> + 't {
    let is_header = |line: &str| {
        let name = line.trim().strip_prefix('[').and_then(|rest| rest.split_once(']'));
        name.is_some_and(|(name, _)| matches!(name.trim(), "accounts" | "\"accounts\"" | "'accounts'"))
    };
    let mut end = 0;
    let headers = text.split_inclusive('\n').filter_map(move |line| {
        end += line.len();
        is_header(line).then_some(end)
    });
    let below = headers.take(MAX_HEADERS).filter_map(move |at| {
        let (above, below) = text.split_at_checked(at)?;
        let newline = if above.ends_with('\n') { "" } else { "\n" };
        Some(format!("{above}{newline}{lines}{below}"))
    });
    let apart = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    below.chain(std::iter::once_with(move || format!("{text}{apart}[accounts]\n{lines}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> AccountNames {
        [("111122223333", "Ledger"), ("444455556666", "it's \"mine\"")]
            .map(|(id, name)| (id.into(), name.into()))
            .into()
    }

    #[test]
    fn names_are_added_to_the_table() {
        for (before, after) in [
            ("", "[accounts]\n111122223333 = \"Ledger\"\n"),
            (
                "# mine\n[ accounts ] # names\n777788889999 = 'x'\n\n[profiles.a]\nrole = 'y'\n",
                "# mine\n[ accounts ] # names\n111122223333 = \"Ledger\"\n",
            ),
            ("[profiles.a]\nrole = 'y'", "[profiles.a]\nrole = 'y'\n\n[accounts]\n111122223333 = \"Ledger\"\n"),
            ("[accounts]", "[accounts]\n111122223333 = \"Ledger\"\n"),
            (
                "[profiles.a]\nrole = '''\n[accounts]\n'''\n[accounts]\r\n",
                "[profiles.a]\nrole = '''\n[accounts]\n'''\n[accounts]\r\n111122223333 = \"Ledger\"\n",
            ),
        ] {
            let (text, named) = with_accounts(before, &names()).unwrap();
            assert!(text.starts_with(after), "{text}");
            assert_eq!(named.written, ["111122223333", "444455556666"]);
            let config = Config::parse(&text).unwrap();
            assert_eq!(config.accounts["444455556666"], "it's \"mine\"");
            assert_eq!(config.profiles.len(), before.matches("[profiles").count());
            assert_eq!(with_accounts(&text, &names()).unwrap(), (text, Named::default()));
        }
    }

    #[test]
    fn names_that_are_there_stay() {
        let before = "[accounts]\n111122223333 = 'Mine'\n";
        let (text, named) = with_accounts(before, &names()).unwrap();
        assert_eq!((named.written.len(), named.left_alone.as_slice()), (1, &["111122223333".to_owned()][..]));
        assert_eq!(Config::parse(&text).unwrap().accounts["111122223333"], "Mine");
        // An inline table has no lines to add to.
        let inline = "accounts = { 111122223333 = 'Mine' }\n";
        let (text, named) = with_accounts(inline, &names()).unwrap();
        assert_eq!((text.as_str(), named.written.len(), named.left_alone.len()), (inline, 0, 2));
        assert!(with_accounts("x = 1", &names()).is_err());
    }
}
