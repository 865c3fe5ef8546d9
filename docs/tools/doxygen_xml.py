"""doxygen_xml.py FOLDER: fits Doxygen's XML to Breathe. Files are named by their paths, since two
folders may have a conv.h each; links to files, which have no target, become text, which header
a class is in is said by the page, and private members are nobody's.
"""

import pathlib
import re
import sys

FILE = re.compile(r'(<compound refid="([^"]+)" kind="file"><name>)[^<]*')
LINK = re.compile(r'<ref refid="\w+_8h" kindref="compound">([^<]*)</ref>')
PRIVATE = re.compile(r'\s*<sectiondef kind="(private[\w-]*|friend)">.*?</sectiondef>', re.S)
INCLUDES = re.compile(r"\s*<includes .*</includes>")


def main(folder):
    texts = {path.stem: path.read_text() for path in folder.glob("*.xml")}

    def with_path(match):
        return match[1] + re.findall(r'<location file="([^"]+)"', texts[match[2]])[-1]

    texts["index"] = FILE.sub(with_path, texts["index"])
    for name, text in texts.items():
        text = PRIVATE.sub("", INCLUDES.sub("", LINK.sub(r"\1", text)))
        (folder / f"{name}.xml").write_text(text)


main(pathlib.Path(sys.argv[1]))
