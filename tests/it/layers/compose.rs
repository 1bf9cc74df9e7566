//! `compose`: what arrives, what stays, and what is said.

use crate::layers::lab::Layers;

/// A layer with much that can go wrong when it is copied: links in its paths, a library in a place
/// of its own, a directory that is there already, files that the runtime has too.
fn tricky(layers: &Layers) {
    let prefix = &layers.prefix;
    layers.write(
        "tricky",
        &format!(
            "FROM {prefix}/base:1\n\
             RUN mkdir -p /opt/t-1/bin /opt/t-1/lib /opt/data/deep && ln -s t-1 /opt/t && ln -s /opt/t/bin/real /usr/local/bin/tool \
              && cp /bin/cat /opt/t-1/bin/real && chmod 700 /opt/data/deep && chown 33:33 /opt/data/deep \
              && echo new > /opt/data/deep/new && echo theirs > /opt/data/deep/same-name && ln -s nowhere /opt/data/dangling \
              && echo hidden > '/opt/data/.a b' && echo layer > /etc/hostname-of-layer && echo changed >> /etc/debian_version\n"
        ),
        "[requires]\nlayers = [\"base\"]\n[runtime]\nlayers = [\"under\"]\n\
         [provides]\nbinaries = [\"tool\"]\npaths = [\"/opt/data\", \"/etc/debian_version\"]\n\
         [environment]\nTRICKY = \"a $PATH 'b'\"\n",
    );
    layers.write(
        "under",
        "# escape=`\nFROM debian:bookworm-slim\nRUN mkdir -p /opt/data/deep && `\n  echo ours > /opt/data/deep/same-name\nUSER `\n  65534\n",
        "",
    );
}

#[test]
fn what_arrives_and_what_stays() {
    let Some(layers) = Layers::small() else {
        return;
    };
    tricky(&layers);
    let tag = layers.tag("composed");
    let build = format!("--build={tag}");
    let outcome = layers.run(&["compose", "tricky", "left", &build]).ok();
    assert_eq!(outcome.stdout.trim(), tag);
    outcome
        .says("/opt/data/deep/same-name stays that of the runtime")
        .says("/etc/debian_version stays that of the runtime")
        .says("the images of its layers");
    let seen = layers.sh(
        &tag,
        "cd /opt/data; cat deep/new deep/same-name '.a b'; readlink dangling; stat -c '%a %u' deep; \
         readlink -f /usr/local/bin/tool; echo hi | tool; left; echo \"$TRICKY\"; id -u; ls -A /mnt; ls -d /dkr* 2>/dev/null || echo clean",
    );
    assert_eq!(
        seen,
        "new\nours\nhidden\nnowhere\n755 0\n/opt/t-1/bin/real\nhi\nleft /usr/local/bin/left\n\
         a /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin 'b'\n65534\nclean"
    );
    assert_eq!(layers.tagged(&tag).label("composed"), "tricky left");
    assert_eq!(
        layers.sh("debian:bookworm-slim", "cat /etc/debian_version"),
        layers.sh(&tag, "cat /etc/debian_version")
    );

    // The printed text is what was built, and stands alone.
    let file = layers.path("out/Dockerfile");
    layers
        .run(&[
            "compose",
            "tricky",
            "left",
            &format!("-o{}", file.display()),
        ])
        .ok();
    let printed = layers.run(&["compose", "tricky", "left"]).ok().stdout;
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        printed.trim_end().to_owned() + "\n"
    );
    let directory = file.parent().unwrap().to_str().unwrap();
    let again = layers.tag("by-hand");
    layers.docker(&[
        "build",
        "--network=host",
        "--quiet",
        "--tag",
        &again,
        directory,
    ]);
    assert_eq!(
        layers.sh(&again, "echo hi | tool; cat /opt/data/deep/new"),
        "hi\nnew"
    );
}

#[test]
fn of_a_system_directory_what_the_layer_added_arrives() {
    let Some(layers) = Layers::small() else {
        return;
    };
    layers.write(
        "bare",
        "FROM debian:bookworm-slim\nRUN rm -rf /usr/libexec\n",
        "",
    );
    layers.write(
        "adds",
        &format!(
            "FROM {}/bare:1\n\
             RUN mkdir -p /usr/libexec /usr/lib/new/deep '/usr/share/a b' && chmod 700 /usr/lib/new/deep && echo x > /usr/lib/new/deep/.x \
              && cp /bin/cat /usr/bin/new-tool && ln -s new-tool /usr/bin/newer && ln -s /usr/lib/new/deep/.x /etc/linked \
              && touch /usr/bin/tac && chmod 700 /usr/bin/nl && echo changed >> /etc/debian_version && echo y > '/usr/share/a b/y' \
              && echo z > /usr/libexec/z\n",
            layers.prefix
        ),
        "[requires]\nlayers = [\"bare\"]\n[runtime]\nlayers = [\"lean\"]\n\
         [provides]\nbinaries = [\"newer\"]\npaths = [\"/bin\", \"/usr/lib/\", \"/usr/share\", \"/etc\", \"/usr/libexec\"]\n",
    );
    layers.write(
        "lean",
        "FROM debian:bookworm-slim\nRUN rm -rf /usr/bin/tac /usr/bin/nl /etc/shells /usr/libexec\n",
        "",
    );
    let tag = layers.tag("composed");
    let build = format!("--build={tag}");
    layers
        .run(&["compose", "adds", "left", &build])
        .ok()
        .says("of /bin and /usr/lib/ and /usr/share and /etc and /usr/libexec only what adds itself added is copied")
        .says("/etc/debian_version stays that of the runtime");
    let seen = layers.sh(
        &tag,
        "echo hi | newer; readlink /usr/bin/newer; cat /etc/linked '/usr/share/a b/y' /usr/libexec/z; stat -c %a /usr/lib/new/deep; \
         ls /usr/bin/tac /usr/bin/nl /etc/shells 2>/dev/null || echo none; ls -A /mnt; ls -d /dkr* 2>/dev/null || echo clean",
    );
    assert_eq!(seen, "hi\nnew-tool\nx\ny\nz\n700\nnone\nclean");
    layers.layer(&["test", "adds"]).ok();
}

#[test]
fn what_is_not_there_is_said() {
    let Some(layers) = Layers::small() else {
        return;
    };
    layers.write(
        "boasts",
        "FROM debian:bookworm-slim\n",
        "[provides]\nbinaries = [\"no-such-tool\"]\n",
    );
    let build = format!("--build={}", layers.tag("composed"));
    layers
        .run(&["compose", "boasts", &build])
        .fails()
        .says("dkr: error: the layer boasts has no no-such-tool on its PATH")
        .says("cannot compose boasts");
    assert!(layers.id("composed").is_none());
    let outcome = layers.layer(&["test", "boasts", "left"]).exits(1);
    assert!(outcome.stdout.contains("FAILED"), "{}", outcome.stdout);
}
