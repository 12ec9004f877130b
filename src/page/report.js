"use strict";
const report = JSON.parse(document.getElementById("report").textContent);
