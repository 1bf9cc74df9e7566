# Written by git dkr layer env for fish. To use it: git dkr layer env --shell fish LAYER | source
function HELPER
    set -l entry $argv[1]
    set -e argv[1]
    switch $PWD
        case / /bin /boot /dev /etc /lib /lib64 /opt /proc /run /sbin /sys /usr /usr/bin /usr/lib /var
            echo "$entry: $PWD would hide that of the container; go to another directory" >&2
            return 1
    end
    set -l place (string replace -a '"' '""' -- $PWD | string collect)
    set -l tty
    if isatty stdin; and isatty stdout; and isatty stderr
        set tty --tty
    end
    command ENGINE run --rm --init --interactive $tty --network=host OPTIONS \
        --env=HOME=/dkr-home --tmpfs=/dkr-home:mode=1777,exec \
        --mount="type=bind,\"source=$place\",\"target=$place\"" --workdir="$PWD" \
        --entrypoint="$entry" IMAGE $argv
end
