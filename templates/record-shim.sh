# Written by git dkr record shim for bash and zsh. To use it: eval "$(git dkr record shim)"
function __dkr_shim { command sh -c SCRIPT dkr-shim FILE "$@"; }
function uv { __dkr_shim uv "$@"; }
function pip { __dkr_shim pip "$@"; }
function pip3 { __dkr_shim pip3 "$@"; }
function python { case "${1-} ${2-}" in '-m pip' | '-m venv') __dkr_shim python "$@" ;; *) command python "$@" ;; esac; }
function python3 { case "${1-} ${2-}" in '-m pip' | '-m venv') __dkr_shim python3 "$@" ;; *) command python3 "$@" ;; esac; }
