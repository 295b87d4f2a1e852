use super::*;

/// A word to quote. On Windows it would end a line that begins with a quote, which cannot be written for every tool.
const ROLE: &str = if cfg!(windows) { "a,b" } else { "a\"b" };

fn profile(name: &str) -> AwsProfile {
    AwsProfile::new(name, &["/opt/my tools/tempaccess", "credentials", "--role", ROLE], Some("eu-west-1")).unwrap()
}

fn synced(text: &str, profiles: &[AwsProfile], options: SyncOptions) -> (String, Synced) {
    let profiles = profiles.iter().cloned().collect();
    let (once, synced) = aws_config_with(text, &profiles, options).unwrap_or_else(|error| panic!("{text}\n{error}"));
    let (twice, _) = aws_config_with(&once, &profiles, options).unwrap();
    assert_eq!(once, twice, "{text}");
    (once, synced)
}

const NOTHING: SyncOptions = SyncOptions { prune: false, adopt: false };
const PRUNE: SyncOptions = SyncOptions { prune: true, adopt: false };
const ADOPT: SyncOptions = SyncOptions { prune: false, adopt: true };

const OTHERS: &str =
    "# my file\n[default]\nregion=us-east-1 ; mine\n\n[profile other]\n  s3 =\n    max = 1\n[sso-session x]\na=b";

#[test]
fn other_sections_stay_to_the_byte() {
    let (text, done) = synced(OTHERS, &[profile("work"), profile("other")], PRUNE);
    assert!(text.starts_with(OTHERS));
    assert_eq!(
        (done.written.as_slice(), done.left_alone.as_slice()),
        (&["work".to_owned()][..], &["other".to_owned()][..])
    );
    // It is updated where it is, and removed when it is no longer wanted.
    let more = format!("{text}\n[profile last]\nx = 1\n");
    let (again, done) = synced(&more, &[profile("work")], PRUNE);
    assert_eq!((again.as_str(), done.written.len()), (more.as_str(), 1));
    assert_eq!(synced(&more, &[], NOTHING), (more.clone(), Synced::default()));
    let (without, done) = synced(&more, &[], PRUNE);
    assert_eq!(done.removed, ["work"]);
    assert_eq!(without, format!("{OTHERS}\n\n[profile last]\nx = 1\n"));
}

#[test]
fn keys_of_the_person_in_a_managed_section_stay() {
    let (text, _) = synced("", &[profile("a")], PRUNE);
    let added = "output = json\n\n# the next one is mine\n";
    // A mark below a key, or in the comment of a comment, marks nothing.
    let mark = mark(None);
    let more =
        format!("{text}{added}[profile b]\n# {mark}\nx = 1\n{mark}\n[sso-session x]\n{mark}\ncredential_process = x\n");
    let (again, done) = synced(&more, &[profile("a"), profile("b")], PRUNE);
    assert_eq!(again, more);
    assert_eq!(done.left_alone, ["b"]);
    let (without, done) = synced(&more, &[profile("b")], PRUNE);
    assert_eq!(done.removed, ["a"]);
    assert_eq!(without, more.replace(text.split_once('\n').unwrap().1, ""));
}

/// Whatever people and `aws configure set` do to a managed section, each key is there once.
#[test]
fn keys_are_found_by_name_wherever_they_are() {
    let (text, _) = synced("", &[profile("a")], NOTHING);
    let lines: Vec<_> = text.lines().collect();
    let [header, mark, process, region] = lines[..] else { panic!("{text}") };
    for section in [
        vec![header, "# mine", mark, process, region],
        vec![header, mark, "# mine", process, region],
        vec![header, "output = json", mark, process],
        vec![header, "output = json", process, mark],
        vec![header, mark, process, "output = json", region],
        vec![header, mark, "output = json", region, "# mine", "", process],
        vec![header, mark, region, "Credential_Process: old", "output = json"],
        vec![header, mark, "output = json"],
        vec![header, mark],
        vec![header, mark, process, region, process, "output = json"],
        vec![header, mark, "  credential_process = old", "  output = json", "  region=eu-west-1"],
        vec![header, mark, "\tREGION : eu-west-1", "\toutput = json"],
    ] {
        for end in ["\n", "\r\n"] {
            let before = section.join(end) + end + "[profile z]" + end + "s3 =" + end + "  a = 1" + end;
            let (after, done) = synced(&before, &[profile("a")], NOTHING);
            assert_eq!(done.written, ["a"], "{before}");
            let document = Document::parse(&after);
            let mut meaning = document.sections[0].meaning();
            meaning.retain(|(key, _)| *key != "output");
            meaning.sort_unstable();
            let expected = [(PROCESS, profile("a").credential_process), (REGION, "eu-west-1".to_owned())];
            assert_eq!(
                meaning,
                expected.iter().map(|(key, value)| (*key, value.as_str())).collect::<Vec<_>>(),
                "{after}"
            );
            assert_eq!(document.sections[1].meaning(), [("s3", "\na = 1")]);
            assert_eq!(before.contains("output"), after.contains("output = json"));
            assert_eq!(before.contains("# mine"), after.contains("# mine"));
            assert!(after.split(end).all(|line| !line.contains(['\r', '\n'])), "{after:?}");
            let (without, done) = synced(&after, &[], PRUNE);
            assert_eq!(
                (done.removed.as_slice(), without.contains(MANAGED)),
                (&["a".to_owned()][..], false),
                "{without}"
            );
            assert_eq!(Document::parse(&without).sections.last().unwrap().meaning(), [("s3", "\na = 1")]);
        }
    }
}

#[test]
fn indented_files_stay_readable() {
    let before = "[profile z]\n  s3 =\n    a = 1\n  [profile a]\n  output = json\n    [x]\n  [profile y]\n  b = 1\n";
    let (after, done) = synced(before, &[profile("a"), profile("x")], ADOPT);
    assert_eq!(done.written, ["a", "x"]);
    let document = Document::parse(&after);
    assert_eq!(document.sections.iter().filter_map(Section::profile).collect::<Vec<_>>(), ["z", "a", "y", "x"]);
    // The header of the removed one stays where the next one would be a part of the value before it.
    let before = "[profile z]\nb = 1\n[profile a]\n# MARK\n  credential_process = x\n  [profile y]\n  b = 1\n";
    let before = before.replace("# MARK", &mark(None));
    let (after, done) = synced(&before, &[], PRUNE);
    assert_eq!((after.as_str(), done.removed.len()), ("[profile z]\nb = 1\n[profile a]\n  [profile y]\n  b = 1\n", 1));
}

const MANAGED: &str = "managed by tempaccess";

#[test]
fn a_region_that_the_person_sets_stays() {
    let plain = AwsProfile::new("a", &["x"], None).unwrap();
    let (text, _) = synced("", std::slice::from_ref(&plain), NOTHING);
    let mine = format!("{text}region = eu-west-1\noutput = json\n");
    assert_eq!(synced(&mine, std::slice::from_ref(&plain), PRUNE).0, mine);
    assert_eq!(synced(&mine, &[], PRUNE).0, "[profile a]\nregion = eu-west-1\noutput = json\n");

    // Ours follows the configuration, and another one is not ours.
    let (text, _) = synced("", &[profile("a")], NOTHING);
    let moved = AwsProfile::new("a", &["x"], Some("us-east-1")).unwrap();
    let (after, done) = synced(&text, std::slice::from_ref(&moved), NOTHING);
    assert!(after.ends_with("credential_process = x\nregion = us-east-1\n") && done.region_kept.is_empty(), "{after}");
    let set = text.replace("\nregion = eu-west-1", "\nregion = ap-south-1");
    let (after, done) = synced(&set, std::slice::from_ref(&moved), NOTHING);
    assert!(after.ends_with("credential_process = x\nregion = ap-south-1\n"), "{after}");
    assert_eq!(done.region_kept, ["a"]);
    let both = format!("{text}region = ap-south-1\n");
    let (after, _) = synced(&both, std::slice::from_ref(&moved), NOTHING);
    assert!(after.ends_with("credential_process = x\nregion = ap-south-1\n"), "{after}");
    // Without a region in the configuration, ours goes.
    let (after, _) = synced(&text, std::slice::from_ref(&plain), NOTHING);
    assert!(after.ends_with("credential_process = x\n"), "{after}");
}

#[test]
fn one_profile_is_one_section() {
    let plain = AwsProfile::new("a", &["x"], None).unwrap();
    let (text, done) = synced("", &[plain.clone(), plain], NOTHING);
    assert_eq!((text.matches("[profile a]").count(), done.written.len()), (1, 1));
    for section in ["[profile 'my work']", "[profile my\\ work]", "\t[profile  \"my work\" ] ; comment"] {
        let before = format!("{section}\nrole_arn = x\n");
        let (text, done) = synced(&before, &[profile("my work")], PRUNE);
        assert_eq!((text.as_str(), done.left_alone.as_slice()), (before.as_str(), &["my work".to_owned()][..]));
        assert!(done.adoptable.is_empty());
    }
    // What older tools take for a section of this profile is not given a second one.
    let before = "[profile a] # see [b]\nx = 1\n";
    let (text, done) = synced(before, &[profile("a"), profile("b")], NOTHING);
    assert!(text.starts_with(before) && done.written == ["b"], "{text}");
    assert_eq!(
        done.skipped[0].reason,
        "AWS tools disagree about the section header in line 1: end it at its first `]`"
    );
}

#[test]
fn sections_without_credentials_are_adopted_when_asked() {
    let default = AwsProfile::new("default", &["x"], Some("eu-west-1")).unwrap();
    for (before, after) in [
        (
            "[default]\nregion = us-east-1\noutput = json\n",
            "[default]\n# MARK\ncredential_process = x\nregion = us-east-1\noutput = json\n",
        ),
        (
            "[default]\noutput = json",
            "[default]\n# MARK, region = eu-west-1\ncredential_process = x\nregion = eu-west-1\noutput = json",
        ),
        (
            "  [default]\r\n  output = json\r\n",
            "  [default]\r\n# MARK, region = eu-west-1\r\n  credential_process = x\r\n  region = eu-west-1\r\n  output = json\r\n",
        ),
        ("[default]", "[default]\n# MARK, region = eu-west-1\ncredential_process = x\nregion = eu-west-1\n"),
    ] {
        let (same, done) = synced(before, std::slice::from_ref(&default), NOTHING);
        assert_eq!((same.as_str(), done.adoptable.as_slice()), (before, &["default".to_owned()][..]));
        let (text, done) = synced(before, std::slice::from_ref(&default), ADOPT);
        let after = after.replace("# MARK", &mark(None));
        assert_eq!((text, done.written.as_slice()), (after, &["default".to_owned()][..]));
    }
    for key in CREDENTIAL_KEYS {
        for before in [format!("[default]\n{key} = x\n"), format!("[DEFAULT]\n{key} = x\n[default]\n")] {
            let (text, done) = synced(&before, std::slice::from_ref(&default), ADOPT);
            assert_eq!((text, done.left_alone.len(), done.adoptable.len()), (before, 1, 0));
        }
    }
    // The last one of several counts, and some tools prefer the other: neither is touched.
    let both = "[profile default]\na = 1\n[default]\nb = 1\n";
    let (text, done) = synced(both, &[default], ADOPT);
    assert_eq!((text.as_str(), done.left_alone.len(), done.adoptable.len()), (both, 1, 0));
}

#[test]
fn what_botocore_cannot_read_is_not_written() {
    for (before, message) in [
        ("\u{feff}[default]\n", "line 1: the file begins with a byte order mark"),
        ("[a]\n[a]\n", "line 2: there is another section `[a]` before it"),
        ("[a]\nx = 1\nX = 2\n", "line 3: `x` is set twice in the section `[a]`"),
        ("[a]\nnonsense\n", "line 2: it is neither a section header nor `key = value`"),
        ("x = 1\n", "line 1: there is no section header before it"),
        ("[a]\ns3 =\n  nonsense\n", "line 3: the lines below `s3` are not all `key = value`"),
    ] {
        let error = aws_config_with(before, &AwsProfiles::from_iter([profile("work")]), NOTHING).unwrap_err();
        assert!(error.message().ends_with(message), "{error}");
    }
    // What only we wrote twice is repaired.
    let (text, _) = synced("", &[profile("a")], NOTHING);
    let process = text.lines().nth(2).unwrap();
    assert_eq!(synced(&format!("{text}{process}\n"), &[profile("a")], NOTHING).0, text);
}

#[test]
fn a_profile_that_cannot_be_written_does_not_stop_the_others() {
    let (text, _) = synced("", &[profile("a"), profile("b")], NOTHING);
    let indented = text.replace("\nregion", "\n  region");
    let (after, done) = synced(&indented, &[profile("a"), profile("c")], PRUNE);
    assert_eq!(done.written, ["c"]);
    assert!(after.starts_with(&indented), "{after}");
    let reasons: Vec<_> = done.skipped.iter().map(|skipped| (skipped.name.as_str(), skipped.reason.as_str())).collect();
    let reason = |line| {
        format!("line {line} is indented and so continues the value of `credential_process`: remove its indentation")
    };
    assert_eq!(reasons, [("a", reason(4).as_str()), ("b", reason(9).as_str())]);
}

/// Quoted for the shells of Unix.
#[cfg(unix)]
#[test]
fn a_section_reads_as_the_aws_cli_reads_it() {
    let (text, _) = synced("", &[profile("my work"), profile("default")], NOTHING);
    insta::assert_snapshot!(text, @r#"
    [profile "my work"]
    # managed by tempaccess: `tempaccess profiles sync` writes credential_process, region = eu-west-1
    credential_process = /'opt/my tools/tempaccess' credentials --role 'a"b'
    region = eu-west-1

    [default]
    # managed by tempaccess: `tempaccess profiles sync` writes credential_process, region = eu-west-1
    credential_process = /'opt/my tools/tempaccess' credentials --role 'a"b'
    region = eu-west-1
    "#);
}

#[test]
fn settings_that_win_are_found() {
    let names = ["a", "b", "c", "d", "profile e"].map(str::to_owned);
    let text = "[a]\nregion = x\n[b]\naws_access_key_id = AKIA\n[ c ]\naws_access_key_id=AKIA\n[d]\n\tRole_ARN: x\n";
    assert_eq!(hidden_by(text, &names), ["b", "d"]);
    let (text, _) = synced("", &[profile("a")], NOTHING);
    let (_, done) = synced(&format!("{text}role_arn = x\n"), &[profile("a")], NOTHING);
    assert_eq!(done.hidden_by_settings, ["a"]);
}

#[test]
fn thousands_of_profiles_are_merged() {
    let profiles: Vec<_> = (0..3_000).map(|number| profile(&format!("p{number}"))).collect();
    let (text, done) = synced(OTHERS, &profiles, PRUNE);
    assert_eq!((done.written.len(), synced(&text, &profiles, PRUNE).0), (3_000, text.clone()));
    assert_eq!(synced(&text, &profiles[1..], PRUNE).1.removed, ["p0"]);
}

#[test]
fn an_unfit_profile_is_skipped_and_what_it_had_is_not_removed() {
    let (text, _) = synced("", &[profile("a"), profile("b")], NOTHING);
    let mut profiles = AwsProfiles::default();
    profiles.add("a", &["x"], Some("not a region"));
    profiles.add("c]", &["x"], None);
    profiles.add("d", &["x"], None);
    let (after, done) = aws_config_with(&text, &profiles, PRUNE).unwrap();
    assert_eq!((done.written.as_slice(), done.removed.as_slice()), (&["d".to_owned()][..], &["b".to_owned()][..]));
    assert!(after.starts_with(text.split("\n\n").next().unwrap()), "{after}");
    let reasons: Vec<_> = done.skipped.iter().map(|skipped| skipped.reason.as_str()).collect();
    let name = "`c]` cannot be the name of an AWS profile: it contains `]`";
    assert_eq!(reasons, ["`not a region` is not a valid region (profile `a`)", name]);
}
