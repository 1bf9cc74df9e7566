# For bash and zsh: what `git dkr layer env NAME` prints, as in
#
#   tool() { docker run --rm --volume "$PWD:$PWD" --workdir "$PWD" dkr-layer/NAME:1.0 tool "$@"; }
#
# As long as there are only comments here, it prints a function for each command of [provides] and [aliases] instead.
