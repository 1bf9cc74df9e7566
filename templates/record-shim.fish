# Written by git dkr record shim for fish. To use it: git dkr record shim --shell fish | source
function __dkr_shim; command sh -c SCRIPT dkr-shim FILE $argv; end
function uv; __dkr_shim uv $argv; end
function pip; __dkr_shim pip $argv; end
function pip3; __dkr_shim pip3 $argv; end
function python; switch "$argv[1..2]"; case '-m pip' '-m venv'; __dkr_shim python $argv; case '*'; command python $argv; end; end
function python3; switch "$argv[1..2]"; case '-m pip' '-m venv'; __dkr_shim python3 $argv; case '*'; command python3 $argv; end; end
