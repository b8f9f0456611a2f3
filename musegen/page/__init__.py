"""A piece in the browser: what is drawn and played of it, and the files that do that.

    view      a piece as numbers: notes, bars, tempos, what each note looked at
    frame     a piece as one document that needs nothing but itself, for a notebook
    static/   styles and scripts, in modules that browsers read as they are

The studio serves the files of `static/` one by one; a document has those that it needs in it.
"""
