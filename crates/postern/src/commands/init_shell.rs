//! `postern init-shell`

use std::path::Path;

use clap::{Args, ValueEnum};

use super::profiles::this_program;
use crate::{
    completing,
    context::Context,
    env::Environment,
    errors::{CliError, ExitStatus},
};

/// What bash and zsh read alike.
const POSIX: &str = include_str!("init_shell/posix.sh");
const BASH: &str = include_str!("init_shell/bash.sh");
const ZSH: &str = include_str!("init_shell/zsh.sh");
const FISH: &str = include_str!("init_shell/fish.fish");
const POWERSHELL: &str = include_str!("init_shell/powershell.ps1");

/// Arguments of `postern init-shell`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  eval \"$(postern init-shell bash)\"                 in ~/.bashrc
  eval \"$(postern init-shell zsh)\"                  in ~/.zshrc
  postern init-shell fish | source                  in config.fish
  postern init-shell powershell | Out-String | iex  in $PROFILE

Then, in every new shell:
  assume prod/developer          this shell works as prod/developer
  assume                         choose from a list
  assume -c prod/developer       the AWS console
  assume -u                      out of it again

with completions (in zsh, if compinit has run before) and, for a prompt,
postern_prompt: the target and the time that is left. It starts no program
while nothing is assumed. In bash:
  PS1='${POSTERN_TARGET:+$(postern_prompt)}'\"$PS1\"")]
pub(crate) struct InitShellArgs {
    /// The shell
    #[arg(value_enum)]
    shell: InitShell,
}

/// A shell that postern knows how to live in.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum InitShell {
    Bash,
    Zsh,
    Fish,
    #[value(alias = "pwsh")]
    Powershell,
}

pub(crate) fn run(args: &InitShellArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let program = program_word(&context.environment)?;
    context.printer.data(&script(args.shell, &program)?)?;
    Ok(ExitStatus::Done)
}

fn script(shell: InitShell, program: &str) -> Result<String, CliError> {
    let (name, parts): (_, &[&str]) = match shell {
        InitShell::Bash => ("bash", &[POSIX, BASH]),
        InitShell::Zsh => ("zsh", &[POSIX, ZSH]),
        InitShell::Fish => ("fish", &[FISH]),
        InitShell::Powershell => ("powershell", &[POWERSHELL]),
    };
    let mut script = String::new();
    for part in parts {
        script.push_str(&part.replace("@POSTERN@", &word(shell, program)).replace("@SHELL@", name));
        script.push('\n');
    }
    let completions = ["postern", "assume"].map(|command| completing::registration(name, command, program));
    for registration in completions {
        let registration = registration?;
        match shell {
            // Without its completion system, zsh knows no `compdef`.
            InitShell::Zsh => {
                script.push_str(&format!("if (( $+functions[compdef] )); then\n{registration}\nfi\n"));
            }
            _ => script.push_str(&registration),
        }
    }
    Ok(script)
}

/// postern, as a shell starts it: by its name where that finds it, so that an update is found too.
pub(super) fn program_word(environment: &Environment) -> Result<String, CliError> {
    let program = this_program()?;
    let path = environment.path("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join("postern")).find(|file| file.is_file());
    let same = |found: &Path| found.canonicalize().ok().is_some_and(|found| found == program);
    if found.as_deref().is_some_and(same) {
        return Ok("postern".to_owned());
    }
    program.to_str().filter(|path| !path.contains(['\\', '\n'])).map(str::to_owned).ok_or_else(|| {
        CliError::usage(format!("a shell cannot be told of `{}`", program.display()))
            .hint("put postern where PATH finds it")
    })
}

/// A path as a word of the shell.
fn word(shell: InitShell, program: &str) -> String {
    match shell {
        InitShell::Powershell => format!("'{}'", program.replace('\'', "''")),
        InitShell::Bash | InitShell::Zsh | InitShell::Fish => crate::daily::quoted(program),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PowerShell is not run by the tests: whoever changes its script sees all of it.
    #[test]
    fn the_powershell_script() {
        insta::assert_snapshot!(script(InitShell::Powershell, "/opt/it's here/postern").unwrap());
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        for shell in [InitShell::Bash, InitShell::Zsh, InitShell::Fish, InitShell::Powershell] {
            let script = script(shell, "postern").unwrap();
            for mark in ["@POSTERN@", "@SHELL@"] {
                assert!(!script.contains(mark), "{shell:?}: {mark}");
            }
        }
    }
}
