//! The picture in the README: a session that was run, drawn for a light and for a dark page.

use anstyle::{Color, RgbColor};
use anstyle_svg::{Palette, Term};

use super::pages;
use super::sessions::{as_typed, steps};
use super::shop::Shop;

/// `make pictures` runs it: the session of README.md, once more, as it is coloured on a terminal.
#[test]
#[ignore = "it writes docs/pictures"]
fn session() {
    let Some(shop) = Shop::new() else { return };
    let steps = steps(&pages::page("README.md"));
    let commands: Vec<String> = steps.iter().map(|step| as_typed(&step.command)).collect();
    let env = [
        ("CLICOLOR_FORCE", "1"),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "color.ui"),
        ("GIT_CONFIG_VALUE_0", "always"),
    ];
    let mut text = String::new();
    for (step, ran) in steps.iter().zip(shop.run(&commands, &env)) {
        assert_eq!(ran.code, 0, "{}\n{}", step.command, ran.output);
        let command = step
            .command
            .replace('\n', "\x1b[0m\n\x1b[2m>\x1b[0m \x1b[1m");
        text += &format!("\x1b[2m$\x1b[0m \x1b[1m{command}\x1b[0m\n{}", ran.output);
    }
    let directory = pages::root().join("docs/pictures");
    std::fs::create_dir_all(&directory).unwrap();
    for (name, term) in [("light", light()), ("dark", dark())] {
        let picture = term.render_svg(text.trim_end());
        std::fs::write(directory.join(format!("session-{name}.svg")), picture).unwrap();
    }
}

const fn rgb(value: u32) -> RgbColor {
    let [_, red, green, blue] = value.to_be_bytes();
    RgbColor(red, green, blue)
}

/// Black, red, green, yellow, blue, magenta, cyan, white, and bright.
fn palette(colors: [u32; 8]) -> Palette {
    let [a, b, c, d, e, f, g, h] = colors.map(rgb);
    Palette([a, b, c, d, e, f, g, h, a, b, c, d, e, f, g, h])
}

fn light() -> Term {
    let colors = [
        0x0024_292f,
        0x00cf_222e,
        0x0011_6329,
        0x007d_4e00,
        0x0009_69da,
        0x0082_50df,
        0x001b_7c83,
        0x006e_7781,
    ];
    Term::new()
        .palette(palette(colors))
        .fg_color(Color::Rgb(rgb(0x0024_292f)))
        .bg_color(Color::Rgb(rgb(0x00f6_f8fa)))
}

fn dark() -> Term {
    let colors = [
        0x0048_4f58,
        0x00ff_7b72,
        0x003f_b950,
        0x00d2_9922,
        0x0058_a6ff,
        0x00bc_8cff,
        0x0039_c5cf,
        0x00b1_bac4,
    ];
    Term::new()
        .palette(palette(colors))
        .fg_color(Color::Rgb(rgb(0x00e6_edf3)))
        .bg_color(Color::Rgb(rgb(0x000d_1117)))
}
