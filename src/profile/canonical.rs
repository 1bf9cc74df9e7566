//! The one spelling of a profile that its id is the hash of: what Python's
//! `json.dumps(profile, sort_keys=True, separators=(",", ":"))` writes, to the byte.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::json::{Json, PythonString};
use crate::digest;

/// SHA-256 of the profile's one spelling, with `"working_dir": "."`: where a repository lies is
/// not what it is.
pub(super) fn id(profile: &[(PythonString, Json)]) -> String {
    let mut pairs = profile.to_vec();
    pairs.push((
        PythonString::from("working_dir"),
        Json::Text(PythonString::from(".")),
    ));
    digest::of(canonical(&Json::Object(pairs)))
}

/// As Python writes it.
pub(super) fn canonical(json: &Json) -> String {
    let mut text = String::new();
    write(json, &mut text);
    text
}

fn write(json: &Json, out: &mut String) {
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Integer(digits) => out.push_str(digits),
        Json::Float(value) => out.push_str(&float(*value)),
        Json::Text(text) => string(text, out),
        Json::List(values) => {
            let mut mark = '[';
            for value in values {
                out.push(std::mem::replace(&mut mark, ','));
                write(value, out);
            }
            out.push_str(if mark == '[' { "[]" } else { "]" });
        }
        Json::Object(pairs) => {
            // Sorted by code point; of a key that stands twice the last is left.
            let sorted: BTreeMap<&PythonString, &Json> =
                pairs.iter().map(|(key, json)| (key, json)).collect();
            let mut mark = '{';
            for (key, value) in sorted {
                out.push(std::mem::replace(&mut mark, ','));
                string(key, out);
                out.push(':');
                write(value, out);
            }
            out.push_str(if mark == '{' { "{}" } else { "}" });
        }
    }
}

fn string(text: &PythonString, out: &mut String) {
    out.push('"');
    for point in text.points() {
        match *point {
            0x22 => out.push_str("\\\""),
            0x5c => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x09 => out.push_str("\\t"),
            0x0a => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            0x0d => out.push_str("\\r"),
            point @ 0x20..=0x7e => out.extend(char::from_u32(point)),
            point @ 0..=0xffff => unit(point, out),
            point => {
                let above = point - 0x10000;
                unit(0xd800 + (above >> 10), out);
                unit(0xdc00 + (above & 0x3ff), out);
            }
        }
    }
    out.push('"');
}

fn unit(unit: u32, out: &mut String) {
    // A string takes all that is written to it.
    let _ = write!(out, "\\u{unit:04x}");
}

/// Python's `repr`: the fewest digits that read back as the same number, with an exponent below
/// 1e-4 and from 1e16 on.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let shortest = format!("{value:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        // Rust writes it without an exponent, and with as few digits.
        let plain = format!("{value}");
        return if plain.contains('.') {
            plain
        } else {
            plain + ".0"
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::json::parse;

    // Both tables were written by Python 3.11: of each text on the left
    // `json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))`, and `repr` of floats
    // given by their bits (`struct.unpack("<d", struct.pack("<Q", bits))`).
    #[rustfmt::skip]
    const TEXTS: &[(&str, &str)] = &[
        (r#"{}"#, r#"{}"#),
        (r#"[]"#, r#"[]"#),
        (r#"{"b":1,"a":2}"#, r#"{"a":2,"b":1}"#),
        (r#"1.0"#, r#"1.0"#),
        (r#"1e22"#, r#"1e+22"#),
        (r#"1E5"#, r#"100000.0"#),
        (r#"5e-324"#, r#"5e-324"#),
        (r#"1e16"#, r#"1e+16"#),
        (r#"1e15"#, r#"1000000000000000.0"#),
        (r#"123456789012345678"#, r#"123456789012345678"#),
        (r#"0.0001"#, r#"0.0001"#),
        (r#"0.00001"#, r#"1e-05"#),
        (r#"1e-7"#, r#"1e-07"#),
        (r#"-0"#, r#"0"#),
        (r#"-0.0"#, r#"-0.0"#),
        (r#"0.1"#, r#"0.1"#),
        (r#"1.7976931348623157e308"#, r#"1.7976931348623157e+308"#),
        (r#"1e999"#, r#"Infinity"#),
        (r#"-1e999"#, r#"-Infinity"#),
        (r#"NaN"#, r#"NaN"#),
        (r#"18446744073709551616"#, r#"18446744073709551616"#),
        (r#"-170141183460469231731687303715884105728"#, r#"-170141183460469231731687303715884105728"#),
        (r#"9007199254740993.0"#, r#"9007199254740992.0"#),
        (r#"2.5e-3"#, r#"0.0025"#),
        (r#"100000000000000000000000.0"#, r#"1e+23"#),
        (r#"123456.789e3"#, r#"123456789.0"#),
        (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
        (r#""😀""#, r#""\ud83d\ude00""#),
        (r#""\ud800""#, r#""\ud800""#),
        (r#""\ude00\ud83d""#, r#""\ude00\ud83d""#),
        (r#""\ud83d\u0041""#, r#""\ud83dA""#),
        (r#"{"\ue000":1,"\ud83d\ude00":2,"\ud800":3,"a":4,"Z":5}"#, r#"{"Z":5,"a":4,"\ud800":3,"\ue000":1,"\ud83d\ude00":2}"#),
        (r#""\u007f\u0080é/\/\b\f\n\r\t\u0000\u001f\"\\""#, r#""\u007f\u0080\u00e9//\b\f\n\r\t\u0000\u001f\"\\""#),
        (r#"{"a":1,"b":{"a":[1,2.0,{"y":null,"x":true}]},"a":false}"#, r#"{"a":false,"b":{"a":[1,2.0,{"x":true,"y":null}]}}"#),
        (r#""\u2028""#, r#""\u2028""#),
        (r#" [ 1 , 2 ] "#, r#"[1,2]"#),
    ];
    #[rustfmt::skip]
    const FLOATS: &[(u64, &str)] = &[
        (10499958131665514997, "-2.522753946247637e-223"),
        (4724898014187435149, "76377461.8976614"),
        (9139164268605729673, "8.929485503255769e+302"),
        (4841588452231673870, "4722452435761166.0"),
        (3872982626502034966, "8.445496795513092e-50"),
        (4823387197529951730, "283474765220063.1"),
        (11205253249702154886, "-3.367304008780077e-176"),
        (4865965414654986099, "2.1060533511106928e+17"),
        (13310064335317253443, "-1.71886462433497e-35"),
        (4573465557231035036, "0.005911534350013039"),
        (5855543267441242937, "2.8940701966505206e+83"),
        (4463485576433962163, "2.54458609934608e-10"),
        (16255895523639956554, "-1.380176098350245e+162"),
        (4881355710765291257, "2.1659939713061338e+18"),
        (535707936758004192, "7.213132666943269e-273"),
        (4949504403505747083, "7.637009951314894e+22"),
        (4299649263698719882, "2.9034969317205783e-21"),
        (4918591138009627078, "6.768485398499743e+20"),
        (5345527201318456055, "2.274652541218457e+49"),
        (4571448250167055496, "0.0041617993889434615"),
        (11609511942956748167, "-3.576949707084736e-149"),
        (4590860988449790559, "0.085994652879529"),
        (6137142913487789066, "1.9255909705714806e+102"),
        (4965714484117153455, "9.732522570430619e+23"),
        (17841880388872081916, "-1.397736961784769e+268"),
        (4665788783809584540, "8300.35693274327"),
        (5241815115701522205, "2.6715825212741317e+42"),
        (4965038170655706662, "8.824790008318577e+23"),
        (10865173903629800124, "-6.493417774360009e-199"),
        (4856379635840744228, "4.802269730176029e+16"),
        (12262353660193831797, "-1.5604752636648094e-105"),
        (4827632381468641168, "548798761388153.0"),
        (8097412851244907897, "1.9741447154767965e+233"),
        (4622265607951616094, "10.793126209409987"),
        (15494371178580817988, "-1.73336951388566e+111"),
        (4497488867745694621, "4.8969352046225824e-08"),
        (802198926817320296, "4.79069200457296e-255"),
        (4860182283145785692, "8.483015744625606e+16"),
        (3142388077296355032, "1.2803793361707368e-98"),
        (4477561438319836635, "2.2693734602687234e-09"),
    ];

    #[test]
    fn values_are_spelled_as_python_spells_them() {
        for (text, wanted) in TEXTS {
            assert_eq!(canonical(&parse(text).unwrap()), *wanted, "{text}");
        }
        for (bits, wanted) in FLOATS {
            assert_eq!(float(f64::from_bits(*bits)), *wanted);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_was_spelled_is_read_and_spelled_the_same(value: f64, text in "\\PC{0,9}") {
            let json = Json::List(vec![Json::Float(value), Json::Text(PythonString::from(text.as_str()))]);
            let spelled = canonical(&json);
            proptest::prop_assert_eq!(canonical(&parse(&spelled).unwrap()), spelled);
        }
    }
}
