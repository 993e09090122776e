// Which files the service takes, by their names and media types. It has the last word: content decides.

const PICTURE_NAME = /\.(jpe?g|jpe|jfif|a?png|webp|gif|bmp|tiff?)$/i;
const PICTURE_TYPE = /^image\/(jpeg|png|apng|webp|gif|bmp|x-ms-bmp|tiff)$/;
const ARCHIVE_NAME = /\.zip$/i;
const ARCHIVE_TYPE = /^application\/(zip|x-zip|x-zip-compressed)$/;

/** What file fields offer. */
export const ACCEPTED =
  ".jpg,.jpeg,.jpe,.jfif,.png,.apng,.webp,.gif,.bmp,.tif,.tiff,.zip,image/jpeg,image/png,image/webp,image/gif,image/bmp,image/tiff,application/zip";

/** @param {File} file */
export const isArchive = ({ name, type }) => ARCHIVE_NAME.test(name) || ARCHIVE_TYPE.test(type);

/** @param {File} file */
export const isPicture = ({ name, type }) => PICTURE_NAME.test(name) || PICTURE_TYPE.test(type);
