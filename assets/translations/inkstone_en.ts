<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
 <context>
  <name>Adapters</name>
  <message numerus="yes">
   <source>Lightning, %n step(s)</source>
   <translation>
    <numerusform>Lightning, %n step</numerusform>
    <numerusform>Lightning, %n steps</numerusform>
   </translation>
  </message>
 </context>
 <context>
  <name>Commands</name>
  <message numerus="yes">
   <source>Remove %n step(s)</source>
   <translation>
    <numerusform>Remove %n step</numerusform>
    <numerusform>Remove %n steps</numerusform>
   </translation>
  </message>
 </context>
 <context>
  <name>History</name>
  <message numerus="yes">
   <source>Remove %n step(s) from the history?</source>
   <translation>
    <numerusform>Remove %n step from the history?</numerusform>
    <numerusform>Remove %n steps from the history?</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>Split into %n layer(s)</source>
   <translation>
    <numerusform>Split into %n layer</numerusform>
    <numerusform>Split into %n layers</numerusform>
   </translation>
  </message>
 </context>
 <context>
  <name>Models</name>
  <message numerus="yes">
   <source>%n file(s) of a ComfyUI were found.</source>
   <translation>
    <numerusform>%n file of a ComfyUI was found.</numerusform>
    <numerusform>%n files of a ComfyUI were found.</numerusform>
   </translation>
  </message>
 </context>
 <context>
  <name>Status</name>
  <message numerus="yes">
   <source>%n px changed outside</source>
   <translation>
    <numerusform>%n px changed outside</numerusform>
    <numerusform>%n px changed outside</numerusform>
   </translation>
  </message>
 </context>
 <context>
  <name>Store</name>
  <message numerus="yes">
   <source>%n later change(s) could not be read.</source>
   <translation>
    <numerusform>%n later change could not be read.</numerusform>
    <numerusform>%n later changes could not be read.</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n result(s) were lost.</source>
   <translation>
    <numerusform>%n result was lost.</numerusform>
    <numerusform>%n results were lost.</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n result(s) were read.</source>
   <translation>
    <numerusform>%n result was read.</numerusform>
    <numerusform>%n results were read.</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n square(s) were lost.</source>
   <translation>
    <numerusform>%n square was lost.</numerusform>
    <numerusform>%n squares were lost.</numerusform>
   </translation>
  </message>
 </context>
 <context>
  <name>Workspace</name>
  <message numerus="yes">
   <source>%n job(s) had not finished when Inkstone closed.</source>
   <translation>
    <numerusform>%n job had not finished when Inkstone closed.</numerusform>
    <numerusform>%n jobs had not finished when Inkstone closed.</numerusform>
   </translation>
  </message>
 </context>
</TS>
