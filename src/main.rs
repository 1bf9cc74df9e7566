//! `git-dkr`, found by git as `git dkr`. All of it is in the library; here is the exit code only.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(git_dkr::cli::run(std::env::args_os()))
}
