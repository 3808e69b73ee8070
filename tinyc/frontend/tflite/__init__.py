"""TFLite files to Graph."""
