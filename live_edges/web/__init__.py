"""The live program in a browser: one port, one page, the newest picture and nothing older."""
