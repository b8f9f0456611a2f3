"""The studio: a page in the browser of this machine, to write music, to look at it and to hear it.

What the page shows is a *take*: a list of steps, each with all that decides its music (model, seed,
settings), such as "read this file, harmonise it with seed 7, rewrite bars 5 to 8 with seed 8". The
same steps write the same music, so the page's address can hold them, and undoing is showing others.

    models    which models there are, each loaded once
    steps     what a step may be, and the music that steps write
    files     a take as a file
    jobs      the one thread in which models write
    safety    who may ask: this machine's own page, with the token of this start
    app       what is asked, and the answers
    serving   the server's beginning and end

The page itself is in `musegen/page/static/`.
"""
