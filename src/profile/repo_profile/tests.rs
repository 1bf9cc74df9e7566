use super::*;

// Written by Python 3.11: of each profile `p = json.loads(text)`, `p["working_dir"] = "."`,
// `sha256(json.dumps(p, sort_keys=True, separators=(",", ":")).encode()).hexdigest()`.
#[rustfmt::skip]
const IDS: &[(&str, &str)] = &[
    (r#"{"install_cmds": ["pip install -e ."]}"#, "5e747aeb33dcde7d326d3902ea5782b120f9f1a7deeb1a07c40a5733c197ac22"),
    (r#"{"working_dir": "/home/ada/app", "python_version_target": "3.11", "install_cmds": ["pip install -e ."]}"#, "0d90668ab158f8f0e5b69068869588c0a9691204530820bc38d50af292d47512"),
    (r#"{"working_dir": ".", "python_version_target": "3.11", "install_cmds": ["pip install -e ."]}"#, "0d90668ab158f8f0e5b69068869588c0a9691204530820bc38d50af292d47512"),
    (r#"{"install_cmds": ["echo é 😀 \ud83d\ude00 \u007f"], "env": {"B": "\"$x\\\n#", "A": "1"}}"#, "bfd441ee3a562f753e01129bc8d9e77dca253e6bd8eef9ef5ec9c9302bda06b6"),
    (r#"{"install_cmds": ["x"], "n": 18446744073709551616, "f": [1.0, 1e22, 5e-324, -0.0, 1E5, 1e16, 0.00001], "deep": {"z": {"b": null, "a": [true, {}]}, "\ue000": 1, "\ud83d\ude00": 2}}"#, "d06744609b881f514a74627a36a9ea14350f7b6d8bb351e29d2ed77218242407"),
    (r#"{"install_cmds": ["a"], "x": "\ud800", "install_cmds": ["b"]}"#, "e4eb9e72d6ef842dceb70382a60c7f274ba449bd44010dc79aff94b721cca42f"),
];

fn wrong(text: &str) -> String {
    parse("p.json", text).unwrap_err().to_string()
}

#[test]
fn ids_are_python_s() {
    for (text, id) in IDS {
        assert_eq!(parse("p.json", text).unwrap().id, *id, "{text}");
        let wrapped = format!("{{\"profile\": {text}}}");
        assert_eq!(parse("p.json", &wrapped).unwrap().id, *id, "{text}");
    }
}

#[test]
fn an_id_that_is_given_is_taken() {
    let text =
        r#"{"profile_id": "app-1.2_x", "profile": {"install_cmds": ["x"], "profile_id": "inner"}}"#;
    let profile = parse("p.json", text).unwrap();
    assert_eq!(profile.id, "app-1.2_x");
    assert_eq!(profile.digest.len(), 64);
    assert_eq!(tag(&profile.id), "patchfoundry/app-1.2_x:latest");
    let bare = r#"{"profile_id": "bare", "install_cmds": ["x"]}"#;
    assert_eq!(parse("p.json", bare).unwrap().id, "bare");
}

#[test]
fn all_of_it() {
    let text = r#"{"profile": {
        "status": "ok", "working_dir": "/home/ada/app", "python_version_target": ">=3.10,<3.13",
        "install_cmds": ["pip install -e .", "true"], "env": {"B": "2", "A": "1"},
        "include": [".env"], "allow_unverified_archive": true, "test_cmds": ["pytest"]}}"#;
    insta::assert_debug_snapshot!(parse("p.json", text).unwrap());
}

#[test]
fn what_is_refused_is_named() {
    insta::assert_snapshot!(
        [
            "", "[]", "{}", r#"{"profile": []}"#, r#"{"profile": {}} x"#,
            r#"{"status": "unsupported", "install_cmds": ["x"]}"#,
            r#"{"profile": {"status": "unsupported"}}"#,
            r#"{"install_cmds": []}"#, r#"{"install_cmds": null}"#, r#"{"install_cmds": "pip install ."}"#,
            r#"{"install_cmds": ["a", 1, " ", "\ud800", "a\u0000b"]}"#,
            r#"{"install_cmds": ["a"], "python_version_target": 3.10}"#,
            r#"{"install_cmds": ["a"], "python_version_target": "pypy3.10"}"#,
            r#"{"profile_id": "App", "profile": {"install_cmds": ["a"]}}"#,
            r#"{"profile_id": "../x", "profile": {"install_cmds": ["a"]}}"#,
            r#"{"profile_id": 7, "profile": {"install_cmds": ["a"]}}"#,
            r#"{"install_cmds": ["a"], "env": {"A B": "x", "A=": "y", "": "z", "N": 1, "S": "\udfff"}}"#,
            r#"{"install_cmds": ["a"], "env": ["A=1"], "include": "x", "allow_unverified_archive": "yes"}"#,
            r#"{"install_cmds": ["a"], "include": ["/etc/passwd", "../x", "a/../b", "", ".git/config", ".pf_manifest"]}"#,
        ]
        .map(wrong)
        .join("\n"));
    assert!(
        wrong(&format!(
            r#"{{"install_cmds": ["{}"]}}"#,
            "x".repeat(70_000)
        ))
        .contains("longer")
    );
}

#[test]
fn a_target_without_a_version_is_told() {
    let text = r#"{"install_cmds": ["a"], "python_version_target": "3"}"#;
    let profile = parse("p.json", text).unwrap();
    assert_eq!(profile.python, "3.11");
    assert_eq!(profile.remarks.len(), 1);
    let silent = parse("p.json", r#"{"install_cmds": ["a"]}"#).unwrap();
    assert_eq!((silent.python.as_str(), silent.remarks.len()), ("3.11", 0));
}
