"""The process: commands for people and CI."""
