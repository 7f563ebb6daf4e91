"""What a person types. Each command imports what it needs when it runs: `spinecode --help` loads no spaCy.

Exit status: 0 done · 1 the command's own finding · 2 usage, or input that cannot be read · 3 batch finished, some rows
rejected · 70 a defect of ours. Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import __version__
from .coding.errors import InputError, SpinecodeError

if TYPE_CHECKING:
    from .coding.tabular import Tabular
    from .pipelines.result import Result
    from .pipelines.suggest import Spinecode

EXIT_FINDING = 1
EXIT_USAGE = 2
EXIT_REJECTS = 3
EXIT_DEFECT = 70
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

app = typer.Typer(
    name="spinecode",
    help="Explained ICD-10-CM code suggestions for spine-pain notes, for a qualified coder, who decides.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

DateOption = Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="Date of service.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ReleaseFileOption = Annotated[
    str | None,
    typer.Option(
        "--release-file", metavar="FILE", envvar="SPINECODE_RELEASE_FILE", help="Another official tabular XML."
    ),
]
TemplatesOption = Annotated[
    str | None, typer.Option("--templates", metavar="FILE", help="Words of queries in place of the built-in ones.")
]
AutoOption = Annotated[
    float | None,
    typer.Option(
        "--auto", metavar="P", min=0.0, max=1.0, help="Route to auto from this confidence on; else as trained."
    ),
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the trace of a defect.")]


def _version(wanted: bool) -> None:
    if wanted:
        _print(f"spinecode {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def suggest(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The note; - or nothing: standard input.")] = "-",
    as_json: JsonOption = False,
    date: DateOption = None,
    encoding: Annotated[str, typer.Option(help="Encoding of the note: cp1252, utf-16 ...")] = "utf-8",
    encounter_id: Annotated[str | None, typer.Option(help="Comes back in the result.")] = None,
    provider: Annotated[str | None, typer.Option(help="Comes back in the result.")] = None,
    why_not: Annotated[
        str | None,
        typer.Option("--why-not", metavar="CODE", help="What stood against this code, in place of the codes."),
    ] = None,
    answer: Annotated[
        list[str] | None,
        typer.Option("--answer", metavar="GAP=ANSWER", help="What the provider answered to a gap; may be repeated."),
    ] = None,
    set_fact: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FACT=VALUE", help="A fact that you, the coder, set; may be repeated."),
    ] = None,
    auto: AutoOption = None,
    release_file: ReleaseFileOption = None,
    debug: DebugOption = False,
) -> None:
    """Suggest codes for one note."""
    from .pipelines.clarify import clarified, told
    from .pipelines.text_input import check_date, read_note

    # All that can be wrong with the input is said before the language pipeline is loaded.
    day = check_date(date, "--date")
    _ask_for_note(file)
    release = _release_file(release_file)
    asked = _asked_code(why_not, day, release) if why_not is not None else ""
    answers, facts = told(answer or [], "--answer"), told(set_fact or [], "--set")
    note = read_note(file, encoding)
    engine = _engine(release, auto)
    result = engine.suggest(note.text, encounter_id=encounter_id, provider=provider, date_of_service=day)
    result = clarified(engine, note.text, result, answers, facts).with_warnings(note.warnings)
    if asked:
        _answer_why_not(result, asked, release, as_json=as_json)
    elif as_json:
        _print(result.to_json() + "\n")
    else:
        from .pipelines.render import render

        _print(render(result))


def _asked_code(typed: str, day: str | None, release: Tabular | None) -> str:
    from .pipelines.suggest import release_of
    from .pipelines.why_not import checked_code

    return checked_code(typed, day, release_of(day, release))


def _answer_why_not(result: Result, code: str, release: Tabular | None, *, as_json: bool) -> None:
    from .pipelines.suggest import release_of
    from .pipelines.why_not import ask, render_why_not, why_not_data

    answer = ask(result, code, release_of(result.date_of_service, release))
    _print(_json(why_not_data(answer, result)) if as_json else render_why_not(answer))


@app.command()
def query(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The note; - or nothing: standard input.")] = "-",
    gap: Annotated[str | None, typer.Option("--gap", metavar="ID", help="Only the query about this gap.")] = None,
    as_json: JsonOption = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown instead of text.")] = False,
    templates: TemplatesOption = None,
    date: DateOption = None,
    provider: Annotated[str | None, typer.Option(help="Whom the query is for.")] = None,
    encounter_id: Annotated[str | None, typer.Option(help="Which encounter it is about.")] = None,
    encoding: Annotated[str, typer.Option(help="Encoding of the note: cp1252, utf-16 ...")] = "utf-8",
    release_file: ReleaseFileOption = None,
    debug: DebugOption = False,
) -> None:
    """Write the provider queries a note calls for; exit 1 if one is refused by the rules of compliant queries."""
    from .pipelines.query.ask import ask, asked_data, render_asked
    from .pipelines.query.templates import load
    from .pipelines.text_input import check_date, read_note

    if as_json and markdown:
        raise InputError("--json and --markdown: give one of them")
    day, words = check_date(date, "--date"), load(templates)
    _ask_for_note(file)
    release = _release_file(release_file)
    note = read_note(file, encoding)
    result = _engine(release).suggest(note.text, encounter_id=encounter_id, provider=provider, date_of_service=day)
    asked = ask(result.to_dict(), words, text=note.text, only=gap)
    _print(_json(asked_data(asked)) if as_json else render_asked(asked, markdown=markdown))
    for refused in asked.refused:
        _say(refused.message)
    if asked.refused:
        raise typer.Exit(EXIT_FINDING)


@app.command()
def worklist(
    results: Annotated[str, typer.Argument(metavar="RESULTS.jsonl", help="Results of spinecode batch.")],
    group_by: Annotated[str, typer.Option("--group-by", metavar="G", help="provider, element or none.")] = "provider",
    top: Annotated[int, typer.Option("--top", metavar="N", help="Most queries for each of them.")] = 3,
    csv: Annotated[str | None, typer.Option("--csv", metavar="OUT", help="Write a CSV file, one query a row.")] = None,
    templates: TemplatesOption = None,
    debug: DebugOption = False,
) -> None:
    """List the queries of a batch that are most worth sending; exit 1 if one is refused."""
    from .pipelines.query.templates import load
    from .pipelines.query.worklist import make_worklist, render_worklist, worklist_csv, write_csv

    found = make_worklist(results, load(templates), group_by=group_by, top=top)
    if csv is None:
        _print(render_worklist(found))
    else:
        write_csv(worklist_csv(found), csv, results)
        _say(f"{len(found.entries)} queries from {found.encounters} of {found.results} encounters in {csv}")
    for line, refused in found.refused:
        _say(f"{results}, line {line}: {refused.message}")
    if found.refused:
        raise typer.Exit(EXIT_FINDING)


@app.command()
def audit(
    note_and_codes: Annotated[
        list[str] | None, typer.Argument(metavar="[NOTE CODE...]", help="The note (- standard input) and its codes.")
    ] = None,
    claims: Annotated[
        str | None, typer.Option("--claims", metavar="FILE", help="CSV, JSONL or XLSX: encounter_id, codes ...")
    ] = None,
    cpt: Annotated[str, typer.Option(help="CPT numbers of the claim, with NOTE CODE...")] = "",
    date: DateOption = None,
    encoding: Annotated[str, typer.Option(help="Encoding of the note: cp1252, utf-16 ...")] = "utf-8",
    as_json: JsonOption = False,
    no_text: Annotated[bool, typer.Option("--no-text", help="Quote nothing from the notes.")] = False,
    release_file: ReleaseFileOption = None,
    debug: DebugOption = False,
) -> None:
    """Hold a claim against its note, or check a file of claims; exit 1 if there is an error on one."""
    from .pipelines.audit import audit_claims, audit_data, given_claims, has_errors

    rows, warnings = given_claims(note_and_codes or [], claims, cpt=cpt, date=date, encoding=encoding)
    release = _release_file(release_file)
    audited = audit_claims(rows, lambda: _engine(release), release_file=release, no_text=no_text, warnings=warnings)
    if as_json:
        _print(_json(audit_data(audited)))
    else:
        from .pipelines.render_audit import render_claim, render_claims

        _print(render_claims(audited) if claims else render_claim(audited[0]))
    if has_errors(audited):
        raise typer.Exit(EXIT_FINDING)


@app.command()
def batch(
    source: Annotated[str, typer.Argument(metavar="IN", help="A table, a folder of notes, FHIR, HL7 or a database.")],
    out: Annotated[str, typer.Argument(metavar="OUT", help="Results in input order; the suffix says the format.")],
    source_format: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="What IN is, when its name does not say.")
    ] = None,
    id_column: Annotated[str | None, typer.Option(metavar="NAME", help="Where the encounter id stands.")] = None,
    text_column: Annotated[str | None, typer.Option(metavar="NAME", help="Where the note stands.")] = None,
    date_column: Annotated[str | None, typer.Option(metavar="NAME", help="Where the date of service stands.")] = None,
    provider_column: Annotated[str | None, typer.Option(metavar="NAME", help="Where the provider stands.")] = None,
    date_format: Annotated[
        str | None, typer.Option("--date-format", metavar="FORMAT", help="How dates are written, e.g. %m/%d/%Y.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="FORMAT", help="What OUT is, as --from.")] = None,
    rows: Annotated[
        list[str] | None,
        typer.Option(
            "--rows", metavar="encounters|codes|gaps", help="What a row of a table is; several: several tables."
        ),
    ] = None,
    out_table: Annotated[
        str, typer.Option("--out-table", metavar="NAME", help="Table of the database OUT.")
    ] = "spinecode_results",
    sheet: Annotated[str | None, typer.Option(metavar="NAME", help="Sheet of a workbook; nothing: the first.")] = None,
    table: Annotated[str | None, typer.Option(metavar="NAME", help="Table of the database IN.")] = None,
    query: Annotated[str | None, typer.Option(metavar="SELECT", help="In place of --table.")] = None,
    encoding: Annotated[str, typer.Option(help="Encoding of a CSV file or of plain notes: cp1252 ...")] = "utf-8",
    workers: Annotated[int | None, typer.Option("--workers", metavar="N", help="Processes; one per processor.")] = None,
    engine: Annotated[str, typer.Option("--engine", metavar="local|spark", help="Where the work is done.")] = "local",
    note_timeout: Annotated[
        float, typer.Option("--note-timeout", metavar="SECONDS", help="A note that takes longer is rejected; 0: none.")
    ] = 60.0,
    report: Annotated[str | None, typer.Option("--report", metavar="PAGE.html", help="A page of figures.")] = None,
    no_text: Annotated[bool, typer.Option("--no-text", help="Blank every string taken from the notes.")] = False,
    no_dots: Annotated[bool, typer.Option("--no-dots", help="Codes without their dot.")] = False,
    rules: Annotated[
        str | None, typer.Option("--rules", metavar="DIR", help="Your own phrases and table rows; docs/batch.md.")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Start over, whatever an earlier run left.")] = False,
    auto: AutoOption = None,
    release_file: ReleaseFileOption = None,
    debug: DebugOption = False,
) -> None:
    """Suggest codes for many notes. A killed run carries on when it is run again."""
    from .pipelines.batch.columns import Columns
    from .pipelines.batch.command import Request, run, told
    from .pipelines.batch.inputs import Input
    from .pipelines.batch.outputs import Output

    if rules is not None:
        from .pipelines.own_rules import use_rules

        use_rules(rules)
    release = _release_file(release_file)
    columns = Columns(id_column, text_column, date_column, provider_column, date_format)
    request = Request(
        Input(source, source_format, columns, encoding, table, query, sheet),
        Output(out, to, tuple(rows or ()), out_table),
        workers=workers,
        note_timeout=note_timeout,
        report=report,
        engine=engine,
        release_file=release_file,
        rules=rules,
        auto=auto,
        no_text=no_text,
        no_dots=no_dots,
        restart=restart,
        release_label=release.label if release else None,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a run that is asked to end does so as after Ctrl-C
    try:
        summary = run(request, lambda: _engine(release, auto), __version__)
    except KeyboardInterrupt as stop:
        row = getattr(stop, "row", None)
        _say(f"stopped{f' after row {row} of IN' if row else ''}; run the same command again to carry on")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    for line in told(summary, request):
        _say(line)
    if summary.rejects:
        raise typer.Exit(EXIT_REJECTS)


@app.command()
def evaluate(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="A folder with notes.jsonl, or a notes file.")],
    quiet: Annotated[bool, typer.Option("--quiet", help="Figures only, no disagreements.")] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Score a corpus and show each disagreement with the note's words."""
    from .pipelines.evaluate import evaluate as run
    from .pipelines.evaluate import load_corpus, render_report, report_data

    notes = load_corpus(corpus)
    report = run(notes, _engine())
    _print(_json(report_data(report)) if as_json else render_report(report, quiet=quiet))


@app.command()
def train(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="[CORPUS...]", help="Corpora, or folders of them; nothing: corpora.")
    ] = None,
    out: Annotated[str, typer.Option("--out", metavar="FOLDER", help="Where the models go.")] = "models",
    weakened: Annotated[int, typer.Option(min=1, max=10, help="How many engines without a tenth of the phrases.")] = 10,
    risk: Annotated[float, typer.Option(min=0.0, max=1.0, help="The share of wrong sets that auto may hold.")] = 0.02,
    seed: Annotated[int, typer.Option(help="Which phrases make a tenth.")] = 7,
    debug: DebugOption = False,
) -> None:
    """Train the second reader, the confidence and the routing; the same notes give equal arrays."""
    from .pipelines.train import describe, save_trained
    from .pipelines.train import train as run

    trained = run(paths or ["corpora"], weakened=weakened, risk=risk, seed=seed, tell=_tell)
    save_trained(trained, out)
    _print(describe(trained))


def _tell(what: str, done: int, of: int) -> None:
    """A progress bar on standard error, redrawn in a terminal, one line for each task elsewhere."""
    last = done >= of
    if sys.stderr.isatty():
        width = 30 * done // max(1, of)
        print(f"\r{what:<14}[{'#' * width:<30}] {done}/{of}", end="\n" if last else "", file=sys.stderr, flush=True)
    elif last:
        print(f"{what}: {done} done", file=sys.stderr)


corpus = typer.Typer(help="Annotated notes: check them, compose more.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(corpus, name="corpus")


@corpus.command("check")
def corpus_check(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH...]", help="Corpora, or folders of corpora; nothing: corpora.")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Spans match, codes are billable, sets are legal, ids are unique, splits are fixed; exit 1 on a finding."""
    from .pipelines.corpus import check_corpora, render_check

    found, counts = check_corpora(paths or ["corpora"])
    _print(render_check(found, counts))
    if found:
        raise typer.Exit(EXIT_FINDING)


@corpus.command("generate")
def corpus_generate(
    seed: Annotated[int, typer.Option(help="The same seed gives the same notes.")] = 7,
    count: Annotated[int, typer.Option(min=1, help="How many notes.")] = 100,
    debug: DebugOption = False,
) -> None:
    """Compose notes from fragments, with their facts and codes, as JSON lines."""
    from .pipelines.generate import generated_lines

    _print(generated_lines(seed, count))


@corpus.command("split")
def corpus_split(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="A folder of corpora.")] = "corpora",
    debug: DebugOption = False,
) -> None:
    """Give new groups of notes (author, template family) a fold; folds given earlier stay."""
    from .pipelines.corpus import write_splits

    _say(f"{write_splits(folder)} new groups")


@app.command()
def replay(
    results: Annotated[str, typer.Argument(metavar="RESULTS.jsonl", help="Results of suggest --json or batch.")],
    release_file: Annotated[
        str | None, typer.Option("--release-file", metavar="FILE", help="Decide under this release, whatever the date.")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Decide stored findings again; exit 1 if any result's codes differ."""
    from .pipelines.replay import render_replay, replay_file

    configured = os.environ.get("SPINECODE_RELEASE_FILE")
    report = replay_file(results, under=_release_file(release_file), known=_release_file(configured))
    _print(render_replay(report))
    if report.differences:
        raise typer.Exit(EXIT_FINDING)


@app.command()
def codes(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CODE|FAMILY|WORDS]", help="Codes, a family or words; nothing: families."),
    ] = None,
    as_json: JsonOption = False,
    release: Annotated[
        str | None, typer.Option("--release", metavar="R", help="A release, its fiscal year, or a tabular XML.")
    ] = None,
    diff: Annotated[
        tuple[str, str] | None, typer.Option("--diff", metavar="A B", help="What changed from release A to B.")
    ] = None,
    release_file: ReleaseFileOption = None,
    debug: DebugOption = False,
) -> None:
    """Look codes up: what is official, when to use them, what they exclude, which rules give them."""
    from .pipelines.codes import look_up, open_named
    from .pipelines.release_diff import compare, diff_data, render_diff
    from .pipelines.render_codes import codes_data, render_codes

    file = _release_file(release_file)
    if diff:
        if words or release:
            raise InputError("--diff stands alone: spinecode codes --diff A B")
        compared = compare(open_named(diff[0], file), open_named(diff[1], file))
        _print(_json(diff_data(compared)) if as_json else render_diff(compared))
        return
    answer = look_up(words or [], open_named(release, file))
    _print(_json(codes_data(answer)) if as_json else render_codes(answer))


@app.command()
def rules(
    rule: Annotated[str | None, typer.Argument(metavar="[RULE]", help="A rule's id; nothing: all rules.")] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Look rules up: what they say and why, which codes they give, the cases that show them."""
    from .pipelines.rules import find_rules, render_rules, rules_data

    found = find_rules(rule)
    _print(_json(rules_data(found)) if as_json else render_rules(found, whole=rule is not None))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0: any that is free.")] = 8118,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", metavar="NAME", help="A name it is reached by; may be repeated.")
    ] = None,
    tokens: Annotated[
        str | None, typer.Option(metavar="FILE", help="Who may come in: a name and a token a line.")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Let other machines in without tokens.")] = False,
    certificate: Annotated[str | None, typer.Option(metavar="FILE", help="TLS certificate, with --key.")] = None,
    key: Annotated[str | None, typer.Option(metavar="FILE", help="TLS key.")] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Processes; one per processor.")] = None,
    note_timeout: Annotated[float, typer.Option(metavar="SECONDS", help="Longest time for one note.")] = 10.0,
    new_token: Annotated[
        str | None, typer.Option("--new-token", metavar="NAME", help="Print a line for --tokens and end.")
    ] = None,
    release_file: ReleaseFileOption = None,
    debug: DebugOption = False,
) -> None:
    """Open the coder's page and the HTTP API on this machine."""
    if new_token is not None:
        from .web.tokens import new_token_line

        _print(new_token_line(new_token) + "\n")
        return
    from .web.serve import serve as run

    run(
        host,
        port,
        allowed=allow_host or [],
        tokens=tokens,
        insecure=insecure,
        certificate=certificate,
        key=key,
        workers=workers,
        seconds=note_timeout,
        release_file=release_file,
        say=_say,
    )


def _ask_for_note(file: str) -> None:
    """Someone at a terminal who gave no file would wait for an answer."""
    from .pipelines.text_input import STDIN

    if file == STDIN and sys.stdin.isatty():
        _say("paste the note, then press Ctrl-D on an empty line")


def _engine(release: Tabular | None = None, auto: float | None = None) -> Spinecode:
    from .pipelines.suggest import Spinecode

    return Spinecode(release_file=release, auto=auto)


def _release_file(path: str | None) -> Tabular | None:
    """The release in a file the user gave; it is read, and refused, before the language pipeline is loaded."""
    if not path:
        return None
    from .pipelines.release import load

    return load(path)


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _print(text: str) -> None:
    """Results: UTF-8 with plain line feeds, whatever the terminal's locale says."""
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()


def _say(message: str) -> None:
    print(f"spinecode: {' '.join(message.split())}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit status. Errors are one line; only ``--debug`` shows a trace, of defects alone."""
    arguments = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        status = app(arguments, prog_name="spinecode", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except SpinecodeError as error:
        _say(str(error))
        return EXIT_USAGE
    except typer.TyperException as error:
        return _usage(error)
    except BrokenPipeError:
        # Python flushes standard output once more at exit; there is nobody to read it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except Exception as error:  # the last line of defence: a message may quote the note, a type does not
        if "--debug" in arguments:
            raise
        _say(f"a defect of spinecode ({type(error).__name__}); run again with --debug and report the trace")
        return EXIT_DEFECT


def _usage(error: typer.TyperException) -> int:
    """A wrong command line in one line, with where to look."""
    describe = getattr(error, "format_message", None)
    message = describe() if describe else str(error)
    if message:
        _say(f"{message} (spinecode --help shows the usage)")
    return EXIT_USAGE


def run() -> None:
    """The console script."""
    sys.exit(main())


if __name__ == "__main__":
    run()
