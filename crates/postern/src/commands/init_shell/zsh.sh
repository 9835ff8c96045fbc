zmodload zsh/datetime 2>/dev/null

# Another tool's alias would go before the function.
unalias assume 2>/dev/null || true

# Lets this shell work as a target: `assume --help` says more.
function assume {
    # Whatever options are set; secrets pass through here, so nothing of it is printed by `set -x` or `set -v`.
    emulate -L zsh
    unsetopt xtrace verbose
    local REPLY=
    __postern_assume "$@"
}

__postern_now() {
    REPLY=${EPOCHSECONDS:-$(date +%s)}
}

# The target and the time that is left, for PROMPT, with `setopt prompt_subst`:
# PROMPT='${POSTERN_TARGET:+$(postern_prompt)}'"$PROMPT"
postern_prompt() {
    emulate -L zsh
    [[ -n ${POSTERN_TARGET-} ]] || return 0
    local REPLY= name=${POSTERN_TARGET//[[:cntrl:]]/?} on= off=
    # In a prompt, a percent sign begins something.
    name=${name//\%/%%}
    __postern_left || { print -rn -- "($name) "; return 0; }
    if [[ $REPLY == expired && -z ${NO_COLOR-} ]]; then
        on='%F{red}' off='%f'
    fi
    print -rn -- "$on($name $REPLY)$off "
}
