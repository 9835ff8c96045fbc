# Lets this shell work as a target: `assume --help` says more.
function assume --description 'Work as a role of postern'
    # Secrets pass through here, so nothing of it is traced.
    set -l fish_trace
    set -l how env
    switch "$argv[1]"
        case -h --help
            printf '%s\n' \
                'assume [TARGET] [OPTIONS]      this shell works as TARGET, an ACCOUNT/ROLE or a profile;' \
                '                               options are those of `postern env`, such as --read-only' \
                'assume -c [TARGET] [OPTIONS]   the AWS console, with the options of `postern console`' \
                'assume -u                      out of it again' \
                'Without TARGET: choose from a list.'
            return 0
        case -u --unset
            set -l text (@POSTERN@ env --unset --format fish)
            or return
            printf '%s\n' $text | source
            return
        case -c --console
            set how console
            set -e argv[1]
    end
    if test (count $argv) -eq 0
        set argv (@POSTERN@ pick)
        or return
    end
    if test $how = console
        @POSTERN@ console $argv
        return
    end
    # All or nothing: what failed is not evaluated, and this shell stays as it was.
    set -l text (@POSTERN@ env --format fish $argv)
    or return
    if not string match -qr '^set -' -- "$text[1]"
        # A help text, say.
        printf '%s\n' $text
        return 0
    end
    printf '%s\n' $text | source
    set -l left (__postern_left)
    if test -n "$left"
        printf '%s, %s left; `assume -u` leaves\n' $POSTERN_TARGET $left >&2
    else
        printf '%s; `assume -u` leaves\n' $POSTERN_TARGET >&2
    end
end

# The time that is left; nothing where it is not known.
function __postern_left
    set -l at (string match -r '^(\d{4})-([01]\d)-([0-3]\d)T([0-2]\d):([0-5]\d):([0-6]\d)[.\d]*Z$' -- "$AWS_CREDENTIAL_EXPIRATION")
    or return
    set -l year $at[2]
    set -l month (math "$at[3] - 3")
    # Days since 1970, counted in years that begin in March.
    if test $month -lt 0
        set month (math $month + 12)
        set year (math $year - 1)
    end
    set -l days (math "365 * $year + floor($year / 4) - floor($year / 100) + floor($year / 400) + floor((153 * $month + 2) / 5) + $at[4] - 719469")
    set -l left (math "$days * 86400 + $at[5] * 3600 + $at[6] * 60 + $at[7] - "(date +%s))
    if test $left -le 0
        echo expired
    else if test $left -lt 60
        echo {$left}s
    else if test $left -lt 3600
        echo (math "floor($left / 60)")m
    else
        printf '%dh%02dm\n' (math "floor($left / 3600)") (math "floor($left % 3600 / 60)")
    end
end

# The target and the time that is left, for fish_prompt: it prints nothing while nothing is assumed.
function postern_prompt --description 'The target of this shell and the time that is left'
    test -n "$POSTERN_TARGET"
    or return 0
    set -l name (string replace -ra '[[:cntrl:]]' '?' -- $POSTERN_TARGET)
    set -l left (__postern_left)
    if test "$left" = expired; and test -z "$NO_COLOR"
        printf '%s(%s %s)%s ' (set_color red) $name $left (set_color normal)
    else
        printf '(%s) ' (string join ' ' $name $left)
    end
end
