// What the page reads is what the document says: a type that is generated from it is assignable to the page's own.
import type { components } from "api";
import type { Accepted, Failure, Job as BatchJob, Pictures, Result as BatchResult } from "./batches/types.js";
import type { AccessKey, Delivery, Job as ListedJob, NewKey, Process, Queue } from "./operations/types.js";
import type { FetchedPicture, Result as StudioResult } from "./studio/types.js";

type Schemas = components["schemas"];

/** Fails to compile if the service's type lacks something that the page's has. */
type Reads<Page, Service extends Page> = Service;

export type Contract = [
  Reads<StudioResult, Schemas["PictureResult"]>,
  Reads<FetchedPicture, Schemas["FetchedPicture"]>,
  Reads<Accepted, Schemas["JobAccepted"]>,
  Reads<BatchJob, Schemas["Job"]>,
  Reads<BatchResult, Schemas["JobPicture"]>,
  Reads<Failure, Schemas["FailedPicture"]>,
  Reads<Pictures, Schemas["JobPictures"]>,
  Reads<ListedJob, Schemas["JobSummary"]>,
  Reads<Delivery, Schemas["Delivery"]>,
  Reads<AccessKey, Schemas["AccessKey"]>,
  Reads<NewKey, Schemas["CreatedKey"]>,
  Reads<Process, Schemas["ServiceProcess"]>,
  Reads<Queue, Schemas["QueueStatus"]>,
];
