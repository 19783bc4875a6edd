"""The programs behind the commands of this folder, one module each, run in the application's environment."""
