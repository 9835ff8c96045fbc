# Another tool's alias would go before the function.
unalias assume 2>/dev/null || true

# Lets this shell work as a target: `assume --help` says more.
function assume {
    local REPLY= traced= status
    # Secrets pass through here, so nothing of it is printed by `set -x` or `set -v`.
    { case $- in *x*) traced=x ;; esac; case $- in *v*) traced=v$traced ;; esac; set +xv; } 2>/dev/null
    __postern_assume "$@"
    status=$?
    [ -z "$traced" ] || set "-$traced"
    return "$status"
}

__postern_now() {
    if [ -n "${EPOCHSECONDS-}" ]; then
        REPLY=$EPOCHSECONDS
    elif [ "${BASH_VERSINFO[0]}${BASH_VERSINFO[1]}" -ge 42 ]; then
        printf -v REPLY '%(%s)T' -1
    else
        REPLY=$(date +%s)
    fi
}

# The target and the time that is left, for PS1: PS1='${POSTERN_TARGET:+$(postern_prompt)}'"$PS1"
postern_prompt() {
    [ -n "${POSTERN_TARGET-}" ] || return 0
    local REPLY= name=${POSTERN_TARGET//[[:cntrl:]]/?} on= off=
    __postern_left || { printf '(%s) ' "$name"; return 0; }
    # \001 and \002 tell bash what takes no room.
    if [ "$REPLY" = expired ] && [ -z "${NO_COLOR-}" ]; then
        on=$'\001\033[31m\002' off=$'\001\033[0m\002'
    fi
    printf '%s(%s %s)%s ' "$on" "$name" "$REPLY" "$off"
}
