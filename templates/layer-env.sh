# Written by git dkr layer env for bash and zsh. To use it: eval "$(git dkr layer env LAYER)"
HELPER() {
    local entry=$1 quote='"' place=$PWD tty=
    shift
    case $PWD in
        / | /bin | /boot | /dev | /etc | /lib | /lib64 | /opt | /proc | /run | /sbin | /sys | /usr | /usr/bin | /usr/lib | /var)
            echo "$entry: $PWD would hide that of the container; go to another directory" >&2
            return 1 ;;
    esac
    place=${place//$quote/$quote$quote}
    if [ -t 0 ] && [ -t 1 ] && [ -t 2 ]; then tty=--tty; fi
    command ENGINE run --rm --init --interactive ${tty:+--tty} --network=host OPTIONS \
        --env=HOME=/dkr-home --tmpfs=/dkr-home:mode=1777,exec \
        --mount="type=bind,\"source=$place\",\"target=$place\"" --workdir="$PWD" \
        --entrypoint="$entry" IMAGE "$@"
}
