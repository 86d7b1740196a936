"""Makes the gallery's pictures: grades a made-up class, and photographs what people see of it.

    ./lab python docs/gallery.py            # some minutes; needs chromium and the dev dependencies

Pictures go to docs/pictures/, reports to a temporary folder that it names.
"""
