"""`python -m dbkit`: the command, where its script is not on the path."""

from dbkit.cli.main import main

if __name__ == "__main__":  # a worker process of a run imports this file again
    main()
